// What an eye would object to on this page: faint text, small targets, controls without a name, and its headings.
({ contrast, target }) => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const pixel = (colour) => {
    if (!known.has(colour)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = colour;
      pen.fillRect(0, 0, 1, 1);
      known.set(colour, pen.getImageData(0, 0, 1, 1).data);
    }
    return known.get(colour);
  };
  // Relative luminance and contrast ratio: WCAG 2.2.
  const linear = (octet) => (octet / 255 <= 0.04045 ? octet / 255 / 12.92 : ((octet / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = pixel(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const exempt = "svg, script, option, .unseen, .skip, .faded, .row legend";
  const seen = (one) => one.checkVisibility() && !one.closest(exempt) && !one.previousElementSibling?.disabled;
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    const text = walk.currentNode.textContent.trim();
    if (!text || !seen(element)) continue;
    const [a, b] = [light(pixel(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < contrast) faint.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  const controls = [...document.querySelectorAll("a, button, select, input:not([type=hidden])")];
  const small = controls.filter((one) => {
    if (!one.checkVisibility() || one.closest(".skip, .seat, svg")) return false;
    const area = one.matches("[type=radio], [type=checkbox]") ? one.closest("label") : one;
    return area.getBoundingClientRect().height < target;
  });
  const nameless = controls.filter(
    (one) => !one.closest("svg") && !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length),
  );
  const shown = (elements) => elements.map((one) => one.outerHTML.slice(0, 160));
  const headings = [...document.querySelectorAll("h1, h2, h3")].map((one) => Number(one.tagName[1]));
  return { faint, small: shown(small), nameless: shown(nameless), headings };
}
