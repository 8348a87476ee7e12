"use strict";
// What both pages draw: tokens, why they were masked, candidates. Text enters the page as text, never as markup.

function make(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function draw(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key.startsWith("--")) element.style.setProperty(key, value);
    else if (value !== null && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

// Draws anew what `redraw` draws, and gives the focus back to the element with the same data-key.
function keepingFocus(redraw) {
  const key = document.activeElement?.dataset.key;
  redraw();
  if (key) document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

const percent = (p) => (p > 0 && p < 0.005 ? "<1 %" : `${Math.round(100 * p)} %`);
const fixed = (number, digits) => (number === null ? "–" : number.toFixed(digits).replace("-", "−"));

// "rtl" or "ltr", by the first letter that has a direction.
function direction(text) {
  const letter = text.match(/\p{L}/u);
  return letter && /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u.test(letter[0]) ? "rtl" : "ltr";
}

// The pass, counted from 1, in which a token became what it is after pass `now`.
function changedLast(passes, token, now) {
  let pass = Math.min(now, passes.length);
  while (pass > 1 && passes[pass - 1].written[token] === passes[pass - 2].written[token]) pass -= 1;
  return pass;
}

// The best tokens of the last pass up to `now` that predicted a token, and which pass that was.
function alternativesAt(passes, token, now) {
  for (let pass = Math.min(now, passes.length); pass > 0; pass -= 1) {
    const best = passes[pass - 1].alternatives[token] ?? [];
    if (best.length) return { pass, best };
  }
  return { pass: 0, best: [] };
}

// The source tokens that were read most, with their shares.
function mostRead(source, shares) {
  return (shares ?? []).map((share, i) => [source[i], share]).sort((one, other) => other[1] - one[1]).slice(0, 5);
}

// What the canvas holds after pass `now`; 0 is before the first one.
function canvasAt(passes, now) {
  if (now === 0) {
    const first = passes[0];
    return first.read.map((word, i) => ({
      word, blank: first.predicted[i], given: first.why[i] === "given", masked: false, changed: false, p: first.probabilities[i],
    }));
  }
  const pass = Math.min(now, passes.length);
  const made = passes[pass - 1];
  return made.written.map((word, i) => ({
    word,
    blank: made.why[i] === "masked",
    given: made.why[i] === "given",
    masked: made.masked_again[i],
    changed: pass > 1 && changedLast(passes, i, pass) === pass,
    p: made.probabilities[i],
  }));
}

function tokenClass(token) {
  const state = token.blank ? " blank" : `${token.masked ? " masked" : ""}${token.changed ? " changed" : ""}`;
  return `token${token.given ? " given" : state}`;
}

function tokenLabel(token) {
  if (token.blank) return "not written yet";
  if (token.given) return `${token.word}, fixed`;
  return `${token.word}, ${percent(token.p)}${token.masked ? ", masked again" : ""}${token.changed ? ", changed" : ""}`;
}

const REASONS = {
  unsure: "Masked again: this pass predicted it, and it is among the least sure.",
  "taken back": "Taken back: an earlier pass wrote it, and now it is among the least sure.",
  masked: "Not written yet: other positions come first.",
  kept: "Kept: others are less sure.",
  finished: "Kept: nothing is masked any more, the candidate is finished.",
  given: "Fixed by the user: no pass changes it.",
  "given up": "The candidate was given up after this pass.",
  sure: "Kept: surer than the confidence threshold.",
  unchanged: "Kept: the passes change nothing any more.",
};

// Why a token was masked again or not, with its rank and the probability at which masking ended.
function reason(made, i) {
  const why = REASONS[made.why[i]] ?? `${made.masked_again[i] ? "Masked again" : "Kept"}: ${made.why[i]}.`;
  if (made.ranks[i] < 0 || made.why[i] === "masked") return why;
  const open = made.ranks.map((rank, j) => j).filter((j) => made.ranks[j] >= 0);
  const masked = open.filter((j) => made.masked_again[j]);
  const place = `From the least sure, it is number ${made.ranks[i] + 1} of ${open.length}`;
  if (!masked.length) return `${why} ${place}; none is masked.`;
  const most = Math.max(...masked.map((j) => made.probabilities[j]));
  const ranked = open.every((j) => made.masked_again[j] || made.probabilities[j] >= most);
  return `${why} ${place}; ${masked.length} ${masked.length === 1 ? "is" : "are"} masked${ranked ? `, up to ${percent(most)}` : ""}.`;
}

// Words, or elements, with a bar for the share of each, under a title; null if there are none.
function bars(pairs, label, title) {
  if (!pairs.length) return null;
  const cells = pairs.flatMap(([word, p]) => [
    make("span", {}, word), make("i", { "--p": p, "aria-hidden": "true" }), make("span", {}, percent(p)),
  ]);
  return make("div", {}, make("h3", {}, title), make("div", { class: "bars", role: "group", "aria-label": label }, ...cells));
}

// The score of each candidate by pass: mean log-probability of the tokens and the length's part.
const scoreAt = (candidate, pass) => candidate.history[Math.min(pass, candidate.history.length) - 1].score + candidate.bonus;

// What the candidates were compared by, if by more than the score.
function comparedBy(candidates) {
  const names = Object.keys(candidates[0].scores).filter((name) => name !== "confidence");
  return names.length ? `compared by ${names.join(", ")}` : null;
}

function raceChart(candidates, shown, now) {
  const [width, height, left, right, bottom] = [360, 150, 42, 34, 20];
  const most = Math.max(...candidates.map((one) => one.history.length));
  const scores = candidates.flatMap((one) => one.history.map((made, i) => scoreAt(one, i + 1)));
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  const x = (pass) => left + ((pass - 1) / Math.max(most - 1, 1)) * (width - left - right);
  const y = (score) => 10 + ((high - score) / (high - low || 1)) * (height - bottom - 18);
  const ends = candidates.map((one) => y(scoreAt(one, one.history.length)));
  const labels = apart(ends, 10);
  const lines = candidates.flatMap((one, number) => raceLine(one, number === shown, x, y, ends[number], labels[number]));
  const cursor = draw("line", { class: "now", x1: x(Math.min(now, most)), x2: x(Math.min(now, most)), y1: 4, y2: height - bottom });
  return draw("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": raceLabel(candidates) },
    draw("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
    draw("text", { x: 0, y: y(high) + 4 }, fixed(high, 2)),
    draw("text", { x: 0, y: y(low) + 4 }, fixed(low, 2)),
    draw("text", { x: left, y: height - 4 }, "1"),
    draw("text", { x: x(most), y: height - 4, "text-anchor": "middle" }, `pass ${most}`),
    draw("text", { x: width, y: 4, "text-anchor": "end" }, "tokens"),
    now > 0 ? cursor : null, ...lines);
}

function raceLine(one, isShown, x, y, end, label) {
  const points = one.history.map((made, i) => `${x(i + 1)} ${y(scoreAt(one, i + 1))}`);
  const right = x(one.history.length);
  const cross = draw("path", { class: "lost", d: `M${right - 4} ${end - 4}l8 8m0 -8l-8 8` });
  const dot = draw("circle", { cx: right, cy: end, r: 2.5 });
  return [
    draw("path", { class: isShown ? "shown" : null, d: `M${points.join("L")}` }), one.given_up ? cross : dot,
    draw("text", { class: isShown ? "shown" : null, x: right + 8, y: label + 4 }, String(one.length)),
  ];
}

// The places moved so far that no two are nearer than `gap`.
function apart(places, gap) {
  const order = places.map((place, i) => i).sort((i, j) => places[i] - places[j]);
  const moved = [...places];
  order.forEach((i, rank) => {
    if (rank > 0) moved[i] = Math.max(moved[i], moved[order[rank - 1]] + gap);
  });
  return moved;
}

function raceLabel(candidates) {
  const end = (one) => one.given_up ? `given up after pass ${one.history.length}` : fixed(scoreAt(one, one.history.length), 2);
  return `Scores of the length candidates by pass: ${candidates.map((one) => `${one.length} tokens ${end(one)}`).join(", ")}`;
}
