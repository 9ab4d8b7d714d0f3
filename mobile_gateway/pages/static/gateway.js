// Keeps the phones live: asks for a phone again when the network says that it changed, and presses keys without a reload.

const status = document.getElementById("status");
const phones = document.getElementById("phones");
const language = document.documentElement.lang;

function localTimes(root) {
  const format = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
  for (const time of root.querySelectorAll("time")) time.textContent = format.format(new Date(time.dateTime));
}

function draw(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const fresh = template.content.querySelector(".phone");
  if (!fresh) return;
  const old = document.getElementById(fresh.id);
  localTimes(fresh);
  if (!old) {
    document.getElementById("none")?.remove();
    phones.insertBefore(fresh, phones.querySelector(".add"));
    return;
  }
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  keepTyped(old, fresh);
  const scrolled = old.querySelector(".glass")?.scrollTop ?? 0;
  if (old.querySelector("details")?.open && fresh.querySelector("details")) fresh.querySelector("details").open = true;
  const arrived = Number(fresh.dataset.unread) > Number(old.dataset.unread);
  old.replaceWith(fresh);
  if (fresh.querySelector(".glass")) fresh.querySelector(".glass").scrollTop = arrived ? 0 : scrolled;
  if (arrived) fresh.classList.add("buzz");
  if (focused) sameControl(fresh, focused)?.focus({ preventScroll: true });
}

// What is being typed survives a message that arrives meanwhile; the answer to the form itself empties it.
function keepTyped(old, fresh) {
  if (fresh.querySelector("[data-sent], [data-wrong]")) return;
  for (const field of old.querySelectorAll(".compose input")) {
    const same = fresh.querySelector(`.compose [name="${field.name}"]`);
    if (same) same.value = field.value;
  }
}

// With the focus among a phone's keys, the computer's own keys press them.
const KEYS = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right", Backspace: "back", Escape: "end" };

function pressWithKeyboard(event) {
  const form = event.target.closest?.(".keys");
  if (!form || event.altKey || event.ctrlKey || event.metaKey) return;
  const name = KEYS[event.key] ?? event.key;
  const key = [...form.querySelectorAll(".key")].find((one) => one.value === name);
  if (!key || key.disabled) return;
  event.preventDefault();
  key.focus();
  key.click();
}

function sameControl(phone, control) {
  if (control.classList.contains("key")) return phone.querySelector(`.key[value="${control.value}"]`);
  if (control.name === "to" || control.name === "text") return phone.querySelector(`.compose [name="${control.name}"]`);
  if (control.classList.contains("switch")) {
    const index = [...control.parentElement.children].indexOf(control);
    return phone.querySelectorAll(".switch")[index];
  }
  return phone.querySelector(control.tagName === "SUMMARY" ? "summary" : ".glass");
}

async function refresh(number) {
  const answer = await fetch(`/phones/${encodeURIComponent(number)}?lang=${language}`);
  if (answer.ok) draw(await answer.text());
}

function say(word) {
  status.dataset.state = word;
  if (word === "live") status.textContent = status.dataset.live;
  else status.innerHTML = `<a href="/?lang=${language}"></a>`;
  if (word === "lost") status.firstChild.textContent = status.dataset.lost;
}

if (phones) {
  localTimes(phones);
  let greeted = false;
  const events = new EventSource("/handsets/events");
  events.addEventListener("hello", () => {
    if (greeted) location.reload(); // whatever happened while we were away
    greeted = true;
    say("live");
    // What arrived between the drawing of this page and now was told to nobody.
    for (const phone of phones.querySelectorAll(".phone")) refresh(phone.dataset.number).catch(() => say("lost"));
  });
  events.addEventListener("handset", (event) => refresh(JSON.parse(event.data).number).catch(() => say("lost")));
  events.addEventListener("error", () => say("lost"));

  phones.addEventListener("keydown", pressWithKeyboard);
  phones.addEventListener("submit", async (event) => {
    const form = event.target;
    if ("whole" in form.dataset) return;
    event.preventDefault();
    try {
      const body = new URLSearchParams(new FormData(form, event.submitter));
      const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Fragment": "1" } });
      if (answer.ok) draw(await answer.text());
      else say("lost");
    } catch {
      say("lost");
    }
  });
}
