// Before Browser opens: put the style, the saved queries, the guide and the first command where Browser keeps its own. This page
// has the same origin as Browser's pages, which graphfeed passes on, so it can. What the person saved or set there stays.
"use strict";

const seed = JSON.parse(document.getElementById("seed").textContent);

function read(key, empty) {
  try {
    return JSON.parse(localStorage.getItem("neo4j." + key)) || empty;
  } catch {
    return empty;
  }
}

function write(key, value) {
  localStorage.setItem("neo4j." + key, JSON.stringify(value));
}

function merge(key, fresh, name) {
  const names = new Set(fresh.map((one) => one[name]));
  return read(key, []).filter((one) => !names.has(one[name])).concat(fresh);
}

write("settings", { ...read("settings", {}), ...seed.settings });
write("grass", seed.grass);
write("documents", merge("documents", seed.documents, "id"));
write("folders", merge("folders", seed.folders, "id"));
write("guides", { currentGuide: null, remoteGuides: seed.guides });
location.replace(seed.open);
