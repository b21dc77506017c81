// What a person could not read or reach on the page, as a list of complaints. Run inside it by the tests.

function luminance([red, green, blue]) {
  const linear = (part) => (part <= 0.04045 * 255 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function parts(colour) {
  const found = colour.match(/^rgba?\(([^)]*)\)$/);
  if (!found) throw new Error(`a colour that cannot be judged: ${colour}`);
  const [red, green, blue, alpha = 1] = found[1].split(/[\s,/]+/).map(Number);
  return [red, green, blue, alpha];
}

/** The colour behind something: that of the first one around it that has any. */
function behind(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = parts(getComputedStyle(at).backgroundColor);
    if (colour[3] === 1) return colour;
    if (colour[3] > 0) throw new Error("a background that one can see through");
  }
  throw new Error("nothing is behind it");
}

/** The contrast of two colours (WCAG 2.2, 1.4.3). */
function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

const isSeen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest(".unseen, noscript, thead");

function judge(element, colour, least, what) {
  const has = contrast(parts(colour), behind(element));
  return has < least ? [`${what} has a contrast of ${has.toFixed(2)}: ${colour} on ${behind(element)}`] : [];
}

function unreadable() {
  const complaints = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let judged = 0;
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const text = texts.currentNode.textContent.trim();
    if (text === "" || !isSeen(element) || element.closest("title, option")) continue;
    judged += 1;
    const style = getComputedStyle(element);
    if (style.opacity !== "1") complaints.push(`${text} can be seen through`);
    complaints.push(...judge(element, element.closest("svg") ? style.fill : style.color, 4.5, `"${text}"`));
  }
  for (const field of document.querySelectorAll("input[placeholder], select")) {
    if (!isSeen(field)) continue;
    complaints.push(...judge(field, getComputedStyle(field, "::placeholder").color, 4.5, `what stands in ${field.id}`));
  }
  // What is drawn, and where a control ends (WCAG 2.2, 1.4.11).
  for (const dot of document.querySelectorAll("#chart circle")) {
    const style = getComputedStyle(dot);
    complaints.push(...judge(dot, dot.classList.contains("unknown") ? style.stroke : style.fill, 3, "a dot"));
  }
  for (const control of document.querySelectorAll("input, select, button:not(.link, .main, :disabled)")) {
    if (isSeen(control)) complaints.push(...judge(control.parentElement, getComputedStyle(control).borderTopColor, 3, `the edge of ${control.id}`));
  }
  for (const line of document.querySelectorAll(".spark polyline")) complaints.push(...judge(line, getComputedStyle(line).stroke, 3, "a history"));
  if (judged < 50) complaints.push(`only ${judged} texts were judged`);
  return [...new Set(complaints)];
}

/** Fields whose name is a placeholder at best: it is gone once somebody types. */
function unlabelled() {
  return [...document.querySelectorAll("input, select, textarea")].filter((one) => one.labels.length === 0 && !one.ariaLabel).map((one) => `${one.id || one.name} has no label`);
}

/** What reaches beyond the right edge of a screen. */
function tooWide(width) {
  const wide = Math.max(document.documentElement.scrollWidth, innerWidth);
  const isOut = (section) => [...section.querySelectorAll("*")].find((one) => one.getBoundingClientRect().right > section.getBoundingClientRect().right);
  const out = [...document.querySelectorAll("section")].map(isOut).filter(Boolean);
  if (wide <= width) return out.map((one) => `${one.tagName} ${one.className} is out of its section at ${width}: ${one.textContent}`);
  const all = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > width + 1);
  return [`the page is ${wide} wide, the screen ${width}`, ...all.slice(0, 8).map((one) => `${one.tagName} ${one.id} ${one.className}`)];
}

/** Everything that has to be reached by keyboard, in order: a control that Tab leaves out is among them. */
const stops = () => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")].filter((one) => !one.disabled && isSeen(one));

/** Where the focus is among those, and what cannot be seen of it. */
function at() {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const isMarked = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const box = one.getBoundingClientRect();
  const isOnScreen = box.bottom > 0 && box.top < innerHeight;
  return { index: stops().indexOf(one), isMarked: isMarked && isOnScreen, name: one.id || one.textContent.slice(0, 40) };
}
