// Where two values differ, down to the member: of a long list of instructions, the one price that is another.

// [[path, one, other], …]; what is new or gone, and lists of different lengths, are told as a whole.
export function differences(path, one, other) {
  const parts = partsOf(one, other);
  if (!parts) return JSON.stringify(one) === JSON.stringify(other) ? [] : [[path, one, other]];
  return parts.flatMap(([name, before, after]) => differences(path + name, before, after));
}

function partsOf(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length ? one.map((value, place) => [`[${place}]`, value, other[place]]) : null;
  }
  if (!isObject(one) || !isObject(other)) return null;
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].map((name) => [`.${name}`, one[name], other[name]]);
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
