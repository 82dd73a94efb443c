// Make an element like another one, touching only what differs: focus, scroll, open details and
// what somebody is typing stay as they are.
const kept = new Set(["open", "value", "checked", "selected"]);

export function morph(old, next) {
  if (old.isEqualNode(next)) return;
  copyAttributes(old, next);
  const named = new Map();
  for (const child of old.children) if (nameOf(child)) named.set(nameOf(child), child);
  const stays = new Set([...next.children].map(nameOf));
  let place = old.firstChild;
  for (const wanted of [...next.childNodes]) {
    const match = find(place, wanted, named);
    if (match === null) {
      old.insertBefore(document.importNode(wanted, true), place);
      continue;
    }
    // What goes away goes first: to move an element takes the focus from it.
    while (place !== match && !stays.has(nameOf(place)) && isBefore(place, match)) place = removed(place);
    if (match !== place) old.insertBefore(match, place);
    else place = place.nextSibling;
    change(match, wanted);
  }
  while (place) place = removed(place);
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function isBefore(node, other) {
  return Boolean(node.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
}

// What an element is known by. Not node.id: a form's field may be called id.
function nameOf(node) {
  const id = node?.nodeType === Node.ELEMENT_NODE ? node.getAttribute("id") : null;
  return id && `${node.tagName} ${id}`;
}

function find(place, wanted, named) {
  if (nameOf(wanted)) return named.get(nameOf(wanted)) ?? null;
  if (place === null || place.nodeType !== wanted.nodeType) return null;
  if (place.nodeType !== Node.ELEMENT_NODE) return place;
  return place.tagName === wanted.tagName && !nameOf(place) ? place : null;
}

function change(match, wanted) {
  if (match.nodeType !== Node.ELEMENT_NODE) {
    if (match.nodeValue !== wanted.nodeValue) match.nodeValue = wanted.nodeValue;
    return;
  }
  // A drawn chart is its own; its figures are in the script beside it.
  if (match.classList.contains("plot")) return;
  morph(match, wanted);
}

function copyAttributes(old, next) {
  // A person changes the value of a field, never that of a bar, of a button or of what is hidden.
  const ours = old.matches("progress, button, option, [type=hidden]");
  const stays = (name) => kept.has(name) && !(ours && name === "value");
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !stays(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (!stays(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}
