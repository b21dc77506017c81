// Shows /api/v1/openapi.json. Asks for nothing else, and writes text only, never markup.
"use strict";

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function table(heads, rows) {
  const head = element("tr", "", ...heads.map((text) => element("th", text)));
  const body = rows.map((cells) => element("tr", "", ...cells.map((cell) => element("td", cell))));
  return element("table", "", head, ...body);
}

/** A reference's own name; a type's, or the kind of a list. */
function shape(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.type === "array") return `list of ${shape(schema.items)}`;
  return [].concat(schema.type || "any").join(" or ");
}

function bodies(content) {
  return Object.entries(content || {}).map(([type, { schema }]) => `${type}: ${shape(schema)}`);
}

/** What a reference leads to, or the thing itself. */
function resolve(contract, thing) {
  if (!thing.$ref) return thing;
  return thing.$ref.slice(2).split("/").reduce((at, part) => at[part], contract);
}

function operation(contract, path, method, about) {
  const head = element("summary", "", element("code", `${method.toUpperCase()} ${path}`), ` ${about.summary}`);
  const made = element("details", "", head, element("p", about.description));
  const parameters = about.parameters.map((one) => resolve(contract, one));
  if (parameters.length > 0) {
    const row = (one) => [one.name, one.in + (one.required ? "" : ", optional"), one.description];
    made.append(table(["Parameter", "Where", "What"], parameters.map(row)));
  }
  for (const [type, { example }] of Object.entries(about.requestBody?.content || {})) {
    const text = typeof example === "string" ? example : JSON.stringify(example, null, 2);
    made.append(element("p", `Body, ${type}:`), element("pre", text));
  }
  const rows = Object.entries(about.responses).map(([status, one]) => {
    const answer = resolve(contract, one);
    return [status, answer.description, bodies(answer.content).join(", ")];
  });
  made.append(table(["Status", "Means", "Body"], rows));
  return made;
}

function problem([kind, { description }]) {
  const made = element("tr", "", element("td", kind), element("td", description));
  made.id = `problem-${kind}`;
  return made;
}

function type([name, schema]) {
  const made = element("details", "", element("summary", "", element("code", name), ` ${schema.description || ""}`));
  made.append(element("pre", JSON.stringify(schema.properties || schema, null, 2)));
  return made;
}

async function show() {
  const main = document.querySelector("main");
  const contract = await (await fetch("/api/v1/openapi.json")).json();
  const { info, paths, components } = contract;
  document.getElementById("state").textContent = `Version ${info.version}. ${info.description}`;
  const byTag = new Map();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, about] of Object.entries(methods)) {
      const [tag] = about.tags;
      byTag.set(tag, [...(byTag.get(tag) || []), operation(contract, path, method, about)]);
    }
  }
  for (const [tag, made] of byTag) main.append(element("h2", tag), ...made);
  main.append(element("h2", "Problems"), element("table", "", ...Object.entries(components.responses).map(problem)));
  main.append(element("h2", "Types"), ...Object.entries(components.schemas).map(type));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

show().catch((error) => {
  document.getElementById("state").textContent = `The document cannot be shown: ${error}`;
});
