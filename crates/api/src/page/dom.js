// Makes and keeps elements. Writes text only, never markup, so that nothing a stranger named a network
// or a server can become part of the page.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== ""));
  return node;
}

/** An element: its name, its attributes (`onclick` and the like listen), what is in it. */
export const make = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);

/** The same of a picture. */
export const draw = (name, attributes = {}, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

/** A row of a table, of `[class, content]`. A narrow screen shows it as a card, so it says what it is. */
export function row(attributes, ...cells) {
  const made = cells.map(([kind, ...content]) => make("td", { class: kind, role: "cell" }, ...content));
  return make("tr", { role: "row", ...attributes }, ...made);
}

/** Shows `items` in `parent`, one element each. What did not change is not touched, so whoever is at a
 *  button there stays at it; where that element was made anew, its counterpart is gone to. */
export function keep(parent, items, keyOf, build) {
  const before = parent.kept ?? new Map();
  const after = new Map();
  const at = document.activeElement;
  const held = parent.contains(at) ? at.getAttribute("data-focus") : null;
  items.forEach((item, index) => {
    const key = keyOf(item);
    const text = JSON.stringify(item);
    const had = before.get(key);
    const node = had?.text === text ? had.node : build(item);
    after.set(key, { text, node });
    if (had && had.node !== node) had.node.replaceWith(node);
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
  while (parent.children.length > after.size) parent.lastElementChild.remove();
  parent.kept = after;
  if (held && document.activeElement !== at) {
    const all = [...parent.querySelectorAll("[data-focus]")];
    all.find((one) => one.getAttribute("data-focus") === held)?.focus();
  }
}

/** The choices of a `select`, behind those that stand there already; what is chosen stays chosen. */
export function choices(select, names) {
  const fixed = [...select.options].filter((option) => option.value === "");
  const wanted = [...fixed.map((option) => option.value), ...names];
  if (wanted.join("\n") === [...select.options].map((option) => option.value).join("\n")) return;
  const chosen = select.value;
  select.replaceChildren(...fixed, ...names.map((name) => make("option", { value: name }, name)));
  if (wanted.includes(chosen)) select.value = chosen;
}
