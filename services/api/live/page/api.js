// Questions to the API. What is refused becomes a Problem, with the reason in words.

import { token } from "./token.js";

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

// The answer to a request; raises Problem where it is none of 2xx, TypeError where there is none.
export async function ask(path, { body, ...options } = {}) {
  const headers = { ...(token() && { Authorization: `Bearer ${token()}` }) };
  if (body !== undefined) {
    options = { ...options, method: "POST", body: JSON.stringify(body) };
    headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(path, { ...options, headers, cache: "no-store" });
  if (answer.ok) return answer;
  let detail = `${answer.status} ${answer.statusText}`;
  try {
    detail = (await answer.json()).detail ?? detail;
  } catch {
    // a proxy's answer, not ours
  }
  throw new Problem(answer.status, detail);
}

export const askJson = async (path, options) => (await ask(path, options)).json();

export const query = (parameters) => new URLSearchParams(parameters).toString();
