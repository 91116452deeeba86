// Reads the descriptions out of Azure's npm packages for JavaScript: the operations with their paths, parameters and
// replies, and the types of bodies. `node arm.mjs PACKAGE_FOLDER` writes one JSON document to standard output.
//
// The packages hold them as constants of generated modules. These are run here with everything that is not one of the
// package's own models replaced by an empty object, so nothing of Azure's runtime is needed.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const root = resolve(process.argv[2]);
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const folder = ["dist/commonjs", "dist-esm/src", "esm"]
  .map((name) => join(root, name))
  .find((path) => existsSync(join(path, "models/mappers.js")));
if (!folder) throw new Error(`${manifest.name}@${manifest.version} has no models/mappers.js`);

const nothing = new Proxy(function () {}, { get: () => nothing, apply: () => nothing, construct: () => nothing });
const helpers = {
  __assign: Object.assign,
  __exportStar() {},
  __importStar: (value) => value,
};
const loaded = new Map();

const mappers = Object.values(load(join(folder, "models/mappers.js")).exports).filter((mapper) => mapper.type?.className);
const names = new Map(mappers.map((mapper) => [mapper, mapper.type.className]));
const types = Object.fromEntries(mappers.map((mapper) => [mapper.type.className, mapper.type]));
addKnownValues(types, readFileSync(join(folder, "models/index.d.ts"), "utf8"));

const operations = {};
for (const file of readdirSync(join(folder, "operations")).filter((name) => name.endsWith(".js")).sort()) {
  const group = file.slice(0, -3);
  const { specs } = load(join(folder, "operations", file));
  for (const [name, spec] of Object.entries(specs)) {
    // A next page has the link of the page before for a path.
    if (spec.path && spec.path !== "{nextLink}") operations[`${group}.${name}`] = operation(spec);
  }
}
const document = { package: `${manifest.name}@${manifest.version}`, operations, types };
process.stdout.write(JSON.stringify(document, (_, value) => (value instanceof RegExp ? value.source : value)));

/** Runs a generated module and answers its exports and its operation specifications. */
function load(path) {
  if (loaded.has(path)) return loaded.get(path);
  const module = { exports: {}, specs: {} };
  loaded.set(path, module);
  const source = readFileSync(path, "utf8")
    .replace(/^import \* as (\w+) from (".*");$/gm, "const $1 = require($2);")
    .replace(/^import (\{[^}]*\}) from (".*");$/gm, (_, what, from) => `const ${what.replace(/ as /g, ": ")} = require(${from});`)
    .replace(/^export \* from .*$/gm, "")
    .replace(/^export (const|var) ([\w$]+) =/gm, "$1 $2 = exports.$2 =")
    .replace(/^export (class|function|var|async|\{[^}]*\};)/gm, "$1");
  const specs = [...source.matchAll(/^(?:const|var) (\w+)OperationSpec =/gm)].map((match) => match[1]);
  const collect = specs.map((name) => `${name}: ${name}OperationSpec`).join(", ");
  const require = (name) => {
    if (name === "tslib") return helpers;
    if (!name.startsWith(".")) return nothing;
    const file = resolve(dirname(path), name.endsWith(".js") ? name : `${name}.js`);
    return file.includes("/models/") ? load(file).exports : nothing;
  };
  module.specs = new Function("exports", "require", `${source}\nreturn { ${collect} };`)(module.exports, require);
  return module;
}

/** A body's type by its name rather than written out. */
function reference(mapper) {
  if (!mapper) return null;
  return names.has(mapper) ? { type: { name: "Composite", className: names.get(mapper) } } : mapper;
}

function operation(spec) {
  const parameters = (place, list = []) =>
    list.filter((one) => one.mapper.serializedName !== "$host").map(({ mapper }) => ({ in: place, ...mapper }));
  const statuses = Object.entries(spec.responses).map(([status, reply]) => [status, reference(reply.bodyMapper)]);
  return {
    path: spec.path,
    method: spec.httpMethod,
    parameters: [
      ...parameters("path", spec.urlParameters),
      ...parameters("query", spec.queryParameters),
      ...parameters("header", spec.headerParameters),
    ],
    body: spec.requestBody ? body(spec.requestBody) : null,
    replies: Object.fromEntries(statuses),
  };
}

/** Optional is what a caller's options hold. */
function body({ parameterPath, mapper }) {
  return { ...reference(mapper), required: ![parameterPath].flat().includes("options") };
}

/** Open enumerations are strings at run time; their values stand in the declarations for the compiler alone. */
function addKnownValues(types, declarations) {
  const values = new Map();
  for (const [, name, body] of declarations.matchAll(/^export declare enum Known(\w+) \{\n([^]*?)^\}/gm)) {
    values.set(name, [...body.matchAll(/= "(.*)"/g)].map((match) => match[1]));
  }
  const interfaces = new Map();
  for (const [, name, parents, body] of declarations.matchAll(/^export interface (\w+)(?: extends ([\w, ]+))? \{\n([^]*?)^\}/gm)) {
    const properties = [...body.matchAll(/^ {4}(?:readonly )?"?([\w$]+)"?\??: (\w+)(?:\[\])?(?: \| null)?;$/gm)];
    const own = new Map(properties.map((match) => [match[1], match[2]]));
    interfaces.set(name, { own, parents: (parents ?? "").split(/, */).filter(Boolean) });
  }
  const declared = (name, property) => {
    const found = interfaces.get(name);
    if (!found) return undefined;
    return found.own.get(property) ?? found.parents.map((parent) => declared(parent, property)).find(Boolean);
  };
  for (const type of Object.values(types)) {
    for (const [name, property] of Object.entries(type.modelProperties ?? {})) {
      const known = values.get(declared(type.className, name));
      const string = property.type.name === "Sequence" ? property.type.element.type : property.type;
      // Mappers share what they inherit; both have the same values.
      if (known && string.name === "String") string.knownValues = known;
    }
  }
}
