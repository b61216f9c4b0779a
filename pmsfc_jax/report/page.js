"use strict";
/* A range input says where the slider is: it has the keyboard and the reader of screens. In a
   comparison the pictures move it as well, by mouse, pen and touch. */
for (const figure of document.querySelectorAll(".compare")) {
  const range = figure.querySelector("input"), stage = figure.querySelector(".stage");
  const show = () => figure.style.setProperty("--at", range.value + "%");
  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    range.value = Math.min(Math.max(100 * share, 0), 100);
    show();
  };
  range.addEventListener("input", show);
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    range.focus({ preventScroll: true });
    follow(event);
  });
  // Else the page would take the keyboard from the slider.
  stage.addEventListener("mousedown", (event) => event.preventDefault());
  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) follow(event);
  });
  show();
}
for (const figure of document.querySelectorAll(".frames")) {
  const range = figure.querySelector("input"), said = figure.querySelector("output");
  const pictures = figure.querySelectorAll(".stage img");
  const show = () => {
    const number = Number(range.value);
    pictures.forEach((picture, i) => { picture.hidden = i !== number; });
    said.textContent = pictures[number].alt;
    range.setAttribute("aria-valuetext", pictures[number].alt);
  };
  range.addEventListener("input", show);
  show();
}
