// Which pass is shown, and how a user steps through them: slider, buttons, keys, playing.

const at = (id) => document.getElementById(id);
const PLAYING = 900; // milliseconds a pass

class Player {
  pass = 0; // 0 is before the first one
  most = 0;
  before = 0; // passes of an earlier decoding, which this one goes on from
  #timer = null;
  #changed;

  // changed() draws anew; keys are further keys of the page, name -> function.
  constructor(changed, keys = {}) {
    this.#changed = changed;
    at("slider").addEventListener("input", (event) => this.go(Number(event.target.value)));
    const steps = { first: () => 0, back: () => this.pass - 1, forward: () => this.pass + 1, last: () => this.most };
    for (const [id, pass] of Object.entries(steps)) at(id).addEventListener("click", () => this.go(pass()));
    at("play").addEventListener("click", () => this.play());
    const all = {
      ArrowLeft: () => this.go(this.pass - 1), ArrowRight: () => this.go(this.pass + 1),
      Home: () => this.go(0), End: () => this.go(this.most), " ": () => this.play(), ...keys,
    };
    document.addEventListener("keydown", (event) => this.#key(event, all));
  }

  // What the browser does with keys in fields and buttons stays.
  #key(event, keys) {
    if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in keys) || ownKey(event)) return;
    event.preventDefault();
    keys[event.key]();
  }

  go(pass) {
    this.pause();
    this.pass = Math.max(0, Math.min(pass, this.most));
    this.#changed();
  }

  play() {
    if (this.#timer) return this.pause();
    if (this.pass >= this.most) this.pass = -1;
    at("play").textContent = "Pause";
    at("play").setAttribute("aria-pressed", "true");
    const step = () => {
      this.pass += 1;
      this.#changed();
      if (this.pass >= this.most) this.pause();
    };
    this.#timer = setInterval(step, PLAYING);
    step();
  }

  pause() {
    clearInterval(this.#timer);
    this.#timer = null;
    at("play").textContent = "Play";
    at("play").setAttribute("aria-pressed", "false");
  }

  draw() {
    at("slider").max = this.most;
    at("slider").value = this.pass;
    at("place").textContent = this.pass ? `Pass ${this.before + this.pass} of ${this.before + this.most}` : `Before pass ${this.before + 1}`;
    at("slider").setAttribute("aria-valuetext", at("place").textContent);
    at("first").disabled = at("back").disabled = this.pass === 0;
    at("last").disabled = at("forward").disabled = this.pass === this.most;
  }
}

// Whether what has the focus does something with a key itself: a button and a choice with the space bar, a slider and a
// choice with the arrows, a field and what scrolls with all.
function ownKey({ key, target }) {
  if (target.closest("button")) return key === " ";
  if (target.matches("input[type=radio]")) return key.startsWith("Arrow") || key === " ";
  if (target.matches("input[type=range]")) return key.startsWith("Arrow") || key === "Home" || key === "End";
  return target.closest("input, select, textarea, summary, a, .scroll") !== null;
}

// The keys of a row of tokens, of which one can be reached by tab: neighbours, passes, and those of `keys`.
function tokenKey(event, player, i, select, keys = {}) {
  const step = event.currentTarget.closest("[dir]").dir === "rtl" ? -1 : 1;
  const all = {
    ArrowLeft: () => select(i - step), ArrowRight: () => select(i + step),
    ArrowUp: () => player.go(player.pass - 1), ArrowDown: () => player.go(player.pass + 1), ...keys,
  };
  if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in all)) return;
  event.preventDefault();
  event.stopPropagation();
  all[event.key]();
}
