// The trace page. `state` and the player say what is shown; `show` draws it.

const state = { trace: null, sentence: 0, views: [], run: 0 }; // run: the one whose token was chosen last
const player = new Player(step, { n: () => near(1), p: () => near(-1) });

unpacked("data").then(begin, () => {
  at("runs").append(make("p", { class: "notice" }, "This browser cannot unpack the page's data: it needs DecompressionStream (2023)."));
});

function begin(trace) {
  state.trace = trace;
  at("sentences").append(...trace.sentences.map((sentence, number) =>
    make("button", { type: "button", dir: direction(sentence.text), onclick: () => choose(number, 1) }, `${number + 1}  ${sentence.text}`)));
  window.addEventListener("hashchange", goToAddress);
  goToAddress();
}

// Shows the sentence and the pass that the address ends in, `#3/4`.
function goToAddress() {
  const [sentence, pass] = location.hash.slice(1).split("/").map(Number);
  choose(sentence >= 1 && sentence <= state.trace.sentences.length ? sentence - 1 : 0, Number.isInteger(pass) ? pass : 1);
}

const sentence = () => state.trace.sentences[state.sentence];
const chosen = (number) => sentence().decodings[number].candidates[state.views[number].candidate];
const most = () => Math.max(...state.views.map((view, number) => chosen(number).history.length));

function choose(number, pass) {
  Object.assign(state, { sentence: number, run: 0 });
  state.views = state.trace.runs.map(() => ({ candidate: 0, token: null }));
  player.most = most();
  player.go(pass);
}

function near(step) {
  const number = state.sentence + step;
  if (number >= 0 && number < state.trace.sentences.length) choose(number, 1);
}

function step() {
  keepingFocus(show);
  at("status").textContent = spoken();
}

function select(number, i) {
  const size = chosen(number).length;
  state.views[number].token = Math.max(0, Math.min(i, size - 1));
  state.run = number;
  show();
  at("runs").querySelector(`[data-key="${number}/${state.views[number].token}"]`).focus({ preventScroll: true });
}

// Drawing

function show() {
  history.replaceState(null, "", `#${state.sentence + 1}/${player.pass}`);
  [...at("sentences").children].forEach((button, i) => button.setAttribute("aria-current", String(i === state.sentence)));
  player.draw();
  at("source").replaceChildren(...sourceView());
  at("runs").replaceChildren(...state.trace.runs.map(runView));
}

// The attention of the token that was chosen last, in the pass that is shown; null if there is none.
function attention() {
  const { token } = state.views[state.run];
  if (token === null || player.pass === 0) return null;
  const { history } = chosen(state.run);
  return history[Math.min(player.pass, history.length) - 1].attention[token] ?? null;
}

function sourceView() {
  const { text, reference } = sentence();
  const { source } = sentence().decodings[state.run];
  const shares = attention();
  const most = shares && Math.max(...shares, 1e-9);
  const [from, to] = state.trace.languages;
  const words = source.map((word, i) => make("span", { class: "token plain", "--share": shares ? shares[i] / most : 0 }, word));
  return [
    make("h2", {}, "Source"),
    make("p", { class: "text", lang: from, dir: direction(text) }, text),
    make("div", { class: "canvas", lang: from, dir: direction(text), "aria-label": "Tokens that the model read" }, ...words),
    reference === null ? null : make("h3", {}, "Reference"),
    reference === null ? null : make("p", { class: "text reference", lang: to, dir: direction(reference) }, reference),
  ].filter(Boolean);
}

function runView(run, number) {
  const { candidates } = sentence().decodings[number];
  const candidate = chosen(number);
  const made = candidate.history[Math.min(player.pass, candidate.history.length) - 1];
  const title = `run-${number}`;
  return make("section", { class: "card run", "aria-labelledby": title },
    make("h2", { id: title }, run.name),
    make("p", { class: "text now", lang: state.trace.languages[1], dir: direction(candidate.text) }, player.pass ? made.text : "…"),
    make("p", { class: "quiet facts" }, facts(run, number)),
    canvasView(number, candidate),
    whyView(number, candidate),
    make("h3", {}, "All passes"),
    passTable(number, candidate),
    make("h3", {}, "Length candidates: their scores by pass"),
    raceChart(candidates, state.views[number].candidate, player.pass),
    candidateTable(number),
    make("details", { class: "quiet" }, make("summary", {}, "Signature of the decoding"), run.signature),
  );
}

function facts(run, number) {
  const candidate = chosen(number);
  if (!player.pass) return "Nothing is written yet.";
  const pass = Math.min(player.pass, candidate.history.length);
  const parts = [`score ${fixed(scoreAt(candidate, pass), 3)}`];
  if (candidate.bleu) parts.push(`BLEU of the sentence ${fixed(candidate.bleu[pass - 1], 1)}`);
  if (run.bleu) parts.push(`of all sentences after this pass ${fixed(run.bleu[Math.min(player.pass, run.bleu.length) - 1], 1)}`);
  if (pass < player.pass) parts.push(`finished after pass ${pass}`);
  return parts.join(" · ");
}

function canvasView(number, candidate) {
  const view = state.views[number];
  const buttons = canvasAt(candidate.history, player.pass).map((token, i) =>
    make("button", {
      type: "button", class: tokenClass(token), "--p": token.p, "data-key": `${number}/${i}`, "aria-label": tokenLabel(token),
      "aria-pressed": String(view.token === i), tabindex: i === (view.token ?? 0) ? 0 : -1,
      onclick: () => select(number, i), onkeydown: (event) => tokenKey(event, player, i, (j) => select(number, j), {
        j: () => player.go(changedLast(candidate.history, i, player.pass)),
      }),
    }, token.blank ? "\u00a0" : token.word, token.blank || token.given ? null : make("small", {}, percent(token.p))));
  const label = `Canvas after pass ${player.pass}`;
  return make("div", { class: "canvas", role: "toolbar", "aria-label": label, lang: state.trace.languages[1], dir: direction(candidate.text) }, ...buttons);
}

function whyView(number, candidate) {
  const { token } = state.views[number];
  const box = make("div", { class: "why" });
  if (token === null || player.pass === 0) {
    box.append(make("p", { class: "quiet" }, "Choose a token to see why it was masked or kept, what else could stand there, and what it read of the source."));
    return box;
  }
  const made = candidate.history[Math.min(player.pass, candidate.history.length) - 1];
  const changed = changedLast(candidate.history, token, player.pass);
  const before = canvasAt(candidate.history, changed - 1)[token];
  box.append(
    make("p", {}, make("b", {}, made.written[token]), ` · ${percent(made.probabilities[token])} · position ${token + 1}`),
    make("p", { class: "reason" }, reason(made, token)),
    make("p", {}, before.blank ? `Unchanged since it was written in pass ${changed}. `
      : changed > 1 ? `Changed last in pass ${changed}, from “${before.word}”. ` : "Unchanged since pass 1. ",
      make("button", { type: "button", class: "jump", "data-key": `${number}/jump`, onclick: () => player.go(changed) }, `Go to pass ${changed}`)),
  );
  const { pass, best } = alternativesAt(candidate.history, token, player.pass);
  box.append(make("div", { class: "pair" }, bars(best, "Best tokens", `Best tokens in pass ${pass}`),
    bars(mostRead(sentence().decodings[number].source, made.attention[token]), "Attention", "Read of the source in this pass")));
  return box;
}

function candidateTable(number) {
  const { candidates, oracle } = sentence().decodings[number];
  const scored = candidates[0].bleu !== null;
  const compared = comparedBy(candidates);
  const oracleOf = candidates.some((one) => one.given_up) ? "oracle of those kept" : "oracle";
  const head = ["tokens", "score", "at this pass", compared, scored ? "BLEU" : null, "", "text"].filter((cell) => cell !== null);
  const rows = candidates.map((one, i) => {
    const pass = Math.min(Math.max(player.pass, 1), one.history.length);
    const marks = [i === 0 ? "chosen" : null, i === oracle ? oracleOf : null, one.given_up ? `given up after pass ${one.history.length}` : null];
    const isShown = i === state.views[number].candidate;
    const radio = make("input", {
      type: "radio", name: `candidate-${number}`, id: `candidate-${number}-${i}`, "data-key": `${number}/candidate/${i}`,
      onchange: () => pick(number, i),
    });
    radio.checked = isShown;
    return make("tr", { class: isShown ? "shown" : null },
      make("td", { class: "number" }, make("label", {}, radio, ` ${one.length}`)),
      make("td", { class: "number" }, fixed(one.scores.confidence, 2)),
      make("td", { class: "number" }, player.pass ? fixed(scoreAt(one, pass), 2) : "–"),
      compared ? make("td", { class: "number" }, one.given_up ? "–" : fixed(one.score, 2)) : null,
      scored ? make("td", { class: "number" }, fixed(one.bleu[one.bleu.length - 1], 1)) : null,
      make("td", {}, marks.filter(Boolean).join(", ")),
      make("td", { lang: state.trace.languages[1], dir: direction(one.text) }, one.text));
  });
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Length candidates" },
    make("table", { class: "candidates" },
      make("thead", {}, make("tr", {}, ...head.map((cell) => make("th", { scope: "col" }, cell)))), make("tbody", {}, ...rows)));
}

function pick(number, i) {
  state.views[number] = { candidate: i, token: null };
  player.most = most();
  player.go(player.pass);
}

function passTable(number, candidate) {
  const rows = candidate.history.map((made, i) => {
    const cells = canvasAt(candidate.history, i + 1).map((token) =>
      make("td", { class: tokenClass(token), "--p": token.p, title: tokenLabel(token) }, token.blank ? "" : token.word,
        token.masked && !token.blank ? make("span", { class: "unseen" }, ", masked again") : null));
    const button = make("button", { type: "button", "data-key": `${number}/pass/${i}`, onclick: () => player.go(i + 1) }, String(i + 1));
    const when = i + 1 === Math.min(player.pass, candidate.history.length) ? "now" : i + 1 > player.pass ? "later" : null;
    return make("tr", { class: when }, make("th", { scope: "row" }, button), ...cells,
      candidate.bleu ? make("td", { class: "number" }, fixed(candidate.bleu[i], 1)) : null);
  });
  const head = make("tr", {}, make("th", { scope: "col" }, "pass"), make("th", { scope: "col", colspan: candidate.length }, "tokens"),
    candidate.bleu ? make("th", { scope: "col" }, "BLEU") : null);
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "All passes" },
    make("table", { class: "passes", dir: direction(candidate.text), lang: state.trace.languages[1] }, make("thead", {}, head), make("tbody", {}, ...rows)));
}

// What a screen reader hears after a step.
function spoken() {
  if (!player.pass) return "Before pass 1: everything is masked.";
  const parts = state.trace.runs.map((run, number) => {
    const candidate = chosen(number);
    const made = candidate.history[Math.min(player.pass, candidate.history.length) - 1];
    const masked = made.masked_again.filter(Boolean).length;
    const changed = canvasAt(candidate.history, player.pass).filter((token) => token.changed).length;
    return `${state.trace.runs.length > 1 ? `${run.name}: ` : ""}${made.text}; ${changed} changed, ${masked} masked again`;
  });
  return `Pass ${player.pass} of ${player.most}. ${parts.join(". ")}`;
}
