// The demo. A run is one decoding; a draft is the canvas after a pass as the user has changed it.

const state = { page: null, run: null, earlier: [], candidate: null, token: null, drafts: new Map(), request: null };
const player = new Player(() => keepingFocus(show));

unpacked("data").then((data) => {
  state.page = data;
  const [first, more] = [data.form.slice(0, 3), data.form.slice(3)];
  at("fields").append(...first.map(field));
  at("more").append(...more.map(field));
  offerChoice(data.choice);
  at("text").lang = data.languages[0];
  at("target").lang = data.languages[1];
  at("blanks").hidden = !data.blanks;
  at("form").addEventListener("submit", (event) => { event.preventDefault(); begin(); });
  at("form").addEventListener("invalid", (event) => event.target.closest("details")?.setAttribute("open", ""), true);
  at("text").addEventListener("keydown", (event) => { if (event.key === "Enter" && event.ctrlKey) at("form").requestSubmit(); });
  at("stop").addEventListener("click", () => state.request?.abort());
  at("undo").addEventListener("click", undo);
});

// The form

function field({ name, help, kind, choices, default: given, least, most }) {
  const label = { strategy: "strategy", iterations: "passes", length_beam: "length candidates" }[name] ?? name.replaceAll("_", " ");
  const id = `option-${name}`;
  const input = choices.length
    ? make("select", { id, title: help }, ...choices.map((choice) => make("option", {}, choice)))
    : kind === "str" ? make("input", { id, title: help, type: "text", spellcheck: "false" })
    : make("input", { id, title: help, type: "number", min: least, max: most, step: kind === "int" ? 1 : "any", placeholder: "off" });
  input.value = given ?? "";
  return make("label", { class: "field" }, label, input);
}

function options() {
  const found = {};
  for (const { name, kind } of state.page.form) {
    const value = at(`option-${name}`).value;
    if (value !== "") found[name] = kind === "str" ? value : Number(value);
  }
  return found;
}

function begin() {
  keep();
  start({ text: at("text").value, target: at("target").value || null, options: options() }, 0);
}

// Asks the server for a decoding, and shows its passes as they come.
async function start(request, before) {
  state.request?.abort();
  const mine = (state.request = new AbortController());
  const run = { request, before, candidates: [], source: [], finished: false };
  Object.assign(state, { run, candidate: null, token: null, drafts: new Map() });
  Object.assign(player, { pass: 0, most: 0, before });
  player.pause();
  trouble(null);
  at("result").hidden = true;
  busy(true);
  try {
    await stream(request, mine.signal, (event) => arrived(run, event));
    heard(run);
  } catch (error) {
    if (state.request !== mine) return; // another request has taken its place
    if (!run.candidates.length && state.earlier.length) undo();
    trouble(mine.signal.aborted ? "Stopped." : error.message);
  }
  if (state.request === mine) busy(false);
}

async function stream(request, signal, tell) {
  const body = JSON.stringify(request);
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/translate", { method: "POST", headers, body, signal }).catch((error) => {
    throw signal.aborted ? error : new Error("The server does not answer. Is it still running?");
  });
  if (!answer.ok) throw new Error((await answer.json()).error);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let [rest, ended] = ["", false];
  for (;;) {
    const { value, done } = await reader.read().catch(() => ({ done: true }));
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const event of lines.map((line) => JSON.parse(line))) {
      if (event.error) throw new Error(event.error);
      ended ||= "done" in event;
      tell(event);
    }
  }
  if (!ended) throw new Error("The connection ended before the translation was complete.");
}

function arrived(run, event) {
  if (event.pass) {
    const { number, ...made } = event.pass;
    let one = run.candidates.find((candidate) => candidate.number === number);
    if (!one) run.candidates.push((one = { number, history: [], bonus: 0, given_up: false }));
    one.history.push(made);
    Object.assign(one, { length: made.written.length, text: made.text, score: made.score });
  } else {
    run.source = event.done.source;
    run.candidates = event.done.candidates.map((facts) => ({ ...run.candidates.find((one) => one.number === facts.number), ...facts }));
    run.candidates = run.candidates.filter((one) => one.history?.length);
    run.finished = true;
  }
  if (state.run !== run || !run.candidates.length) return;
  const atEnd = player.pass === player.most;
  player.most = candidate().history.length;
  if (atEnd) player.pass = player.most;
  player.pass = Math.min(player.pass, player.most);
  keepingFocus(show);
}

function heard(run) {
  if (!run.candidates.length) {
    if (state.earlier.length) undo();
    return trouble("Nothing was masked, so there was nothing to do.");
  }
  if (run.source.includes("<unk>")) trouble("The model does not know a part of the text: it reads <unk> there, and may translate it wrongly.");
  at("status").textContent = `Translated in ${candidate().history.length} passes: ${candidate().text}`;
}

function busy(is) {
  at("stop").disabled = !is;
  at("progress").textContent = is ? "Translating …" : "";
  at("undo").disabled = is || !state.earlier.length;
}

function trouble(message) {
  at("trouble").hidden = message === null;
  at("trouble").textContent = message ?? "";
}

// Keeps what is shown, with the user's changes, for `undo`.
function keep() {
  const { run, candidate, token, drafts } = state;
  if (run?.candidates.length) state.earlier.push({ run, candidate, token, drafts, pass: player.pass });
}

function undo() {
  const { pass, ...shown } = state.earlier.pop();
  Object.assign(state, shown);
  Object.assign(player, { before: shown.run.before, most: candidate().history.length });
  trouble(null);
  busy(false);
  player.go(pass);
}

// The candidate that is shown: the one chosen, or the best so far.
function candidate() {
  const { candidates, finished } = state.run;
  if (state.candidate !== null) return candidates.find((one) => one.number === state.candidate);
  const order = finished ? candidates : [...candidates].sort((one, other) => other.score - one.score);
  return order[0];
}

// Drafts

const key = () => `${candidate().number}/${player.pass}`;

// The canvas as the user has changed it; `from` is a token's place in the pass.
function draft() {
  const { history } = candidate();
  return state.drafts.get(key()) ?? canvasAt(history, player.pass).map((token, from) => ({ ...token, masked: token.masked || token.blank, from }));
}

// Changes the draft at once, and draws it after `later` milliseconds.
function change(edit, later = 0) {
  const tokens = draft().map((token) => ({ ...token }));
  edit(tokens);
  state.drafts.set(key(), tokens);
  state.token = Math.min(state.token, tokens.length - 1);
  if (later) setTimeout(() => keepingFocus(show), later);
  else keepingFocus(show);
}

const use = (i, word, later) => change((tokens) => Object.assign(tokens[i], { word, p: 1, given: true, masked: false, blank: false }), later);
const blank = (i) => change((tokens) => Object.assign(tokens[i], { masked: true, blank: true, given: false }));
const insert = (i) => change((tokens) => tokens.splice(i, 0, { word: "<mask>", p: 1, masked: true, blank: true, given: false, from: null }));
const remove = (i) => change((tokens) => tokens.splice(i, 1));

function lock(i) {
  change((tokens) => {
    const given = !tokens[i].given;
    Object.assign(tokens[i], { given, masked: tokens[i].masked && !given });
  });
}

const editable = (tokens, i) => i !== null && i < tokens.length - 1; // the last one is </s>
const lockable = (tokens, i) => editable(tokens, i) && !tokens[i].blank;

// What going on from here would predict anew, and after how many passes that is. Where nothing is masked, the less sure
// half of what is not locked is, as after half of the passes.
function plan() {
  const tokens = draft();
  const open = tokens.map((token, i) => i).filter((i) => !tokens[i].given && i < tokens.length - 1);
  const masked = tokens.map((token, i) => i).filter((i) => tokens[i].masked && !tokens[i].given);
  const all = state.run.request.options.iterations || tokens.length;
  if (masked.length) return { masked, done: Math.min(player.before + player.pass, all - 1), half: false };
  const order = open.sort((i, j) => tokens[i].p - tokens[j].p);
  return { masked: order.slice(0, Math.ceil(order.length / 2)), done: Math.floor(all / 2), half: true };
}

function goOn() {
  if (!state.run.finished) return;
  const [tokens, { masked, done }] = [draft(), plan()];
  if (!masked.length) return trouble("Every word is locked: there is nothing to predict.");
  keep();
  start({
    text: state.run.request.text,
    options: state.run.request.options,
    draft: {
      tokens: tokens.map((token) => token.word),
      probabilities: tokens.map((token) => token.p),
      masked: tokens.map((token, i) => masked.includes(i)),
      fixed: tokens.map((token) => token.given),
      done,
    },
  }, done);
}
