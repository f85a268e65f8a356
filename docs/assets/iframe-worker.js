// The search runs in a worker, and browsers start none for a page that is opened as a file. There, a hidden frame does the
// same work: what is posted to it and by it goes through the two windows.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super()
      this.waiting = []
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      const source = String(address).replaceAll("&", "&amp;").replaceAll('"', "&quot;")
      this.frame.srcdoc =
        "<script>postMessage = (message) => parent.postMessage(message, '*')</script>" +
        `<script src="${source}"></script>`
      this.frame.addEventListener("load", () => {
        for (const message of this.waiting.splice(0)) this.send(message)
        this.waiting = null
      })
      addEventListener("message", (event) => {
        if (event.source === this.frame.contentWindow)
          this.dispatchEvent(new MessageEvent("message", { data: event.data }))
      })
      document.body.append(this.frame)
    }

    postMessage(message) {
      if (this.waiting) this.waiting.push(message)
      else this.send(message)
    }

    send(message) {
      // By the window's own function: in the frame, postMessage is what goes the other way.
      window.postMessage.call(this.frame.contentWindow, message, "*")
    }

    terminate() {
      this.frame.remove()
    }
  }
}
