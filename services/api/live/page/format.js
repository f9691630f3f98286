// Numbers, times and values as a person reads them.

const WHOLE = new Intl.NumberFormat("en");
const TWO = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const ONE = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const ENTITIES = {
  operations: "operation",
  executions: "execution",
  versions: "version",
  agents: "agent",
  strategies: "strategy",
};

export const count = (number) => WHOLE.format(number ?? 0);

export const rate = (number) => (number > 0 && number < 10 ? ONE : WHOLE).format(number > 10 ? Math.round(number) : number);

export function latency(ms) {
  if (!ms) return "–";
  return ms < 10_000 ? `${WHOLE.format(Math.round(ms))} ms` : `${WHOLE.format(Math.round(ms / 1000))} s`;
}

// Of a fraction as decimal text; what is none is shown as it came.
export function percent(fraction) {
  if (fraction === null || fraction === undefined) return "–";
  const number = Number(fraction);
  return Number.isNaN(number) ? String(fraction) : `${TWO.format(number * 100)} %`;
}

export const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");

export function moment(text) {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : at.toLocaleString("en-GB");
}

export function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value === "" ? "“”" : value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export const plural = (number, one) => `${count(number)} ${one}${number === 1 ? "" : "s"}`;
