/**
 * What the SDK's declarations say, as JSON on standard output, for the tests to hold it against:
 *
 *     problems   what the type checker finds wrong with the scripts of this folder: whatever they
 *                call is the public API, with the parameters that it declares
 *     methods    the public methods of every resource of a client, as "messages.find"
 *     requests   the fields of every type of a request of the email scope, by the names that the
 *                SDK writes on the wire
 *     values     what those fields may be, by the same names, where the types name single values
 *     models     the types that the SDK says its methods answer, by name (see Type in conforms.js)
 */
import { snakeCase } from 'change-case';
import ts from 'typescript';

const configuration = ts.getParsedCommandLineOfConfigFile('tsconfig.json', undefined, {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic(diagnostic) {
    throw new Error(text(diagnostic));
  },
});
if (!configuration) throw new Error('tsconfig.json cannot be read');
const program = ts.createProgram(configuration.fileNames, configuration.options);
const checker = program.getTypeChecker();

/** @param {ts.Diagnostic} diagnostic */
function text(diagnostic) {
  const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
  if (!diagnostic.file) return message;
  const { line } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
  return `${diagnostic.file.fileName}:${line + 1} ${message}`;
}

/** The SDK's exports, as a script sees them that imports it. */
const sdk = program.getSourceFiles().find((file) => file.fileName.endsWith('/nylas/lib/types/nylas.d.ts'));
const sdkModule = sdk && checker.getSymbolAtLocation(sdk);
if (!sdkModule) throw new Error('the declarations of the SDK are missing');
const exported = new Map(
  checker.getExportsOfModule(sdkModule).map((symbol) => [symbol.name, symbol]),
);

/** @type {string[]} */
const methods = [];

/**
 * @param {string} name
 * @param {ts.Type} resource
 */
function collectMethods(name, resource) {
  for (const member of resource.getProperties()) {
    const [declaration] = member.declarations ?? [];
    const visibility = ts.getCombinedModifierFlags(/** @type {ts.Declaration} */ (declaration));
    if (visibility & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) continue;
    if (member.flags & ts.SymbolFlags.Method) methods.push(`${name}.${member.name}`);
    else collectMethods(member.name, checker.getTypeOfSymbol(member));
  }
}

const client = checker.getDeclaredTypeOfSymbol(
  /** @type {ts.Symbol} */ (exported.get('default')),
);
for (const resource of client.getProperties()) {
  if (resource.name !== 'apiClient') {
    collectMethods(resource.name, checker.getTypeOfSymbol(resource));
  }
}

/** @type {Record<string, import('./conforms.js').Type>} */
const models = {};

/**
 * @param {ts.Type} type
 * @returns {import('./conforms.js').Type}
 */
function described(type) {
  const { flags } = type;
  if (flags & (ts.TypeFlags.Unknown | ts.TypeFlags.Any)) return { kind: 'anything' };
  if (type.isUnion()) return { kind: 'union', of: type.types.map(described) };
  if (type.isStringLiteral() || type.isNumberLiteral()) return { kind: 'literal', value: type.value };
  if (flags & ts.TypeFlags.BooleanLike) return { kind: 'boolean' };
  if (flags & ts.TypeFlags.String) return { kind: 'string' };
  if (flags & ts.TypeFlags.Number) return { kind: 'number' };
  if (flags & ts.TypeFlags.Undefined) return { kind: 'undefined' };
  if (checker.isArrayType(type)) {
    const [each] = checker.getTypeArguments(/** @type {ts.TypeReference} */ (type));
    return { kind: 'array', of: described(/** @type {ts.Type} */ (each)) };
  }
  const values = type.getStringIndexType();
  if (values) return { kind: 'record', of: described(values) };
  return {
    kind: 'object',
    members: Object.fromEntries(
      type.getProperties().map((member) => [member.name, described(checker.getTypeOfSymbol(member))]),
    ),
  };
}

for (const file of configuration.fileNames) {
  const source = program.getSourceFile(file);
  if (source) ts.forEachChild(source, describeNamedModels);
}

/**
 * Describe the models whose names the scripts give to `conforms`.
 *
 * @param {ts.Node} node
 */
function describeNamedModels(node) {
  if (ts.isCallExpression(node) && node.expression.getText() === 'conforms') {
    const [name] = node.arguments;
    if (name && ts.isStringLiteral(name)) {
      const symbol = exported.get(name.text);
      if (!symbol) throw new Error(`the SDK has no model ${name.text}`);
      models[name.text] = described(checker.getDeclaredTypeOfSymbol(symbol));
    }
  }
  ts.forEachChild(node, describeNamedModels);
}

/** Calendars, contacts, meetings, mail without a mailbox, and what no caller says. */
const NO_EMAIL =
  'agentLists availability calendars contacts domains error events freeBusy listQueryParams notetakers ' +
  'policies response rules scheduler serviceAccount smartCompose transactionalSend workspaces';
const SAID = /(Request|Params|Parameters|Config|Settings|Authentication|Branding|CustomHeader)$/;

/** @type {Record<string, string[]>} */
const requests = {};
/** @type {Record<string, Record<string, string[]>>} */
const values = {};

/**
 * @param {ts.Type} type
 * @returns {string[]}
 */
function named(type) {
  if (type.isUnion()) return type.types.flatMap(named);
  if (checker.isArrayType(type)) {
    return checker.getTypeArguments(/** @type {ts.TypeReference} */ (type)).flatMap(named);
  }
  return type.isStringLiteral() ? [type.value] : [];
}

for (const [name, symbol] of exported) {
  const file = symbol.declarations?.[0]?.getSourceFile().fileName ?? '';
  const [, module] = /\/models\/(\w+)\.d\.ts$/.exec(file) ?? [];
  if (module && !NO_EMAIL.split(' ').includes(module) && SAID.test(name)) {
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    const fields = (type.isUnion() ? type.types : [type]).flatMap((each) => each.getProperties());
    requests[name] = [...new Set(fields.map((field) => snakeCase(field.name)))];
    values[name] = {};
    for (const field of fields) {
      const found = (values[name][snakeCase(field.name)] ??= []);
      found.push(...named(checker.getTypeOfSymbol(field)));
    }
  }
}

const problems = ts.getPreEmitDiagnostics(program).map(text);
process.stdout.write(JSON.stringify({ problems, methods, requests, values, models }, null, 1));
