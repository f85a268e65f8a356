"""The words by which files and columns are recognised when a mapping is drafted."""

from __future__ import annotations

NOUNS = {
    "User": "user author member person people account profile customer follower followee friend reader owner creator "
    "poster sender voter username login subscriber reviewer listener viewer",
    "Post": "post article item reply question answer comment video news story product book movie film song track "
    "thread message content page paper recipe game artist document status tweet photo image parent",
    "Entity": "tag category topic subject entity keyword genre concept place hashtag interest group",
}
LABELS = {noun: label for label, nouns in NOUNS.items() for noun in nouns.split()}
IRREGULAR = {"people": "person", "news": "news", "series": "series", "status": "status", "movies": "movie"}

PROPERTIES: dict[str, dict[str, tuple[str, ...]]] = {
    "User": {
        "name": ("name", "display name", "username", "login", "nick", "nickname"),
        "about": ("about", "bio", "about me", "description", "profile"),
        "platform": ("platform",),
        "account": ("account id",),
    },
    "Post": {
        "title": ("title", "headline", "subject", "name"),
        "text": ("text", "body", "content", "description", "abstract", "summary", "message"),
        "url": ("url", "link", "href", "uri"),
        "platform": ("platform",),
    },
    "Entity": {
        "name": ("name", "title", "label"),
        "aliases": ("aliases", "alias", "synonym"),
        "kind": ("kind", "type"),
        "text": ("description", "text", "excerpt", "summary"),
    },
}
TIMES = (
    "created at",
    "at",
    "created",
    "created on",
    "published at",
    "published",
    "date",
    "time",
    "timestamp",
    "since",
)
ACTS = {
    "DISLIKED": "dislike downvote thumbsdown negative",
    "LIKED": "like vote upvote favorite favourite love rating star feedback review purchase buy order positive",
    "SAVED": "save bookmark wishlist cart collect",
    "SHARED": "share retweet repost forward",
    "COMMENTED": "comment reply answer request",
    "HID": "hide hidden dismiss skip",
    "VIEWED": "view click visit read listen play watch impression open pageview seen",
    "FOLLOWS": "follow friend trust subscription follower",
    "BLOCKED": "block",
    "MUTED": "mute",
}
ACT_OF = {word: type_ for type_, words in ACTS.items() for word in words.split()}
TIED = ("FOLLOWS", "BLOCKED", "MUTED")
