/**
 * Typed models at run time: what the SDK answers is held against what its declarations promise.
 *
 * @typedef {{ kind: 'anything' | 'string' | 'number' | 'boolean' | 'undefined' }
 *   | { kind: 'literal', value: string | number }
 *   | { kind: 'array', of: Type }
 *   | { kind: 'record', of: Type }
 *   | { kind: 'union', of: Type[] }
 *   | { kind: 'object', members: Record<string, Type> }} Type
 */

/**
 * Say what of a value is not as its type says, and where; unknown members may be there.
 *
 * @param {unknown} value
 * @param {Type} type
 * @param {string} place
 * @returns {string[]}
 */
export function departures(value, type, place) {
  switch (type.kind) {
    case 'anything':
      return [];
    case 'literal':
      return value === type.value ? [] : [`${place} is ${shown(value)}, not ${shown(type.value)}`];
    case 'union': {
      const each = type.of.map((one) => departures(value, one, place));
      return each.some((found) => found.length === 0)
        ? []
        : (each.sort((a, b) => a.length - b.length)[0] ?? []);
    }
    case 'array':
      return Array.isArray(value)
        ? value.flatMap((one, index) => departures(one, type.of, `${place}[${index}]`))
        : [`${place} is ${shown(value)}, no array`];
    case 'record':
      return isObject(value)
        ? Object.entries(value).flatMap(([name, one]) =>
            departures(one, type.of, `${place}.${name}`),
          )
        : [`${place} is ${shown(value)}, no object`];
    case 'object':
      return isObject(value)
        ? Object.entries(type.members).flatMap(([name, member]) =>
            departures(value[name], member, `${place}.${name}`),
          )
        : [`${place} is ${shown(value)}, no object`];
    default:
      return typeof value === type.kind ? [] : [`${place} is ${shown(value)}, no ${type.kind}`];
  }
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param {unknown} value */
function shown(value) {
  return JSON.stringify(value) ?? 'missing';
}
