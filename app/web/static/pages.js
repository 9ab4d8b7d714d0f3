// What script adds to pages that work without it: a countdown, a page that moves by itself, buttons that say "busy".

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

const countDown = (element) => {
  const ends = performance.now() + Number(element.dataset.until) * 1000;
  const draw = () => {
    const left = Math.max(0, Math.round((ends - performance.now()) / 1000));
    element.textContent = element.dataset.text.replace("{time}", clock(left));
    element.classList.toggle("soon", left <= 120);
    if (left === 0) {
      clearInterval(timer);
      location.reload();
    }
  };
  const timer = setInterval(draw, 1000);
  draw();
};

// Looks again until the page says that nothing moves any more; only what changed is replaced, so the focus stays.
const watch = async (main) => {
  while (main.dataset.live) {
    await new Promise((done) => setTimeout(done, Number(main.dataset.live) * 500));
    if (document.hidden) continue;
    const answer = await fetch(location.pathname, { headers: { accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) continue;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("main");
    if (!fresh) return;
    if (fresh.dataset.live) main.dataset.live = fresh.dataset.live;
    else delete main.dataset.live;
    document.title = page.title;
    for (const torn of fresh.querySelectorAll(".torn")) torn.classList.remove("torn");
    if (fresh.innerHTML !== main.dataset.last) {
      main.dataset.last = fresh.innerHTML;
      const focused = document.activeElement;
      const index = [...main.querySelectorAll("a, button")].indexOf(focused);
      main.replaceChildren(...fresh.childNodes);
      if (index >= 0) main.querySelectorAll("a, button")[index]?.focus();
      const title = main.querySelector("h1").textContent;
      const said = document.getElementById("said");
      if (said.textContent !== title) said.textContent = title;
    }
  }
};

document.querySelectorAll("[data-until]").forEach(countDown);
document.querySelectorAll("main[data-live]").forEach(watch);
document.querySelector(".date[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

for (const hall of document.querySelectorAll(".hall")) hall.scrollLeft = (hall.scrollWidth - hall.clientWidth) / 2;

document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.busy) return event.preventDefault();
  event.target.dataset.busy = "1";
  event.submitter?.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-busy]").forEach((form) => delete form.dataset.busy);
  document.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
});
