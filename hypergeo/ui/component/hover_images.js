// Shows the image of a point beside the pointer. The image is cut from the sheet of all images that comes with the figure.

import { make } from "./page.js"

const SIDE = 64 // pixels on the screen

/** Shows images of a sheet when the pointer is at points of its trace; `sheet` is null for figures without images. */
export function hoverImages(plot, sheet) {
  plot.hgSheet = sheet
  if (!sheet || plot.hgImage) return
  const image = (plot.hgImage = make("div", { class: "hg-hover-image", hidden: true, "aria-hidden": "true" }))
  plot.append(image)
  plot.on("plotly_hover", ({ points: [point], event }) => {
    const { hgSheet: at } = plot
    image.hidden = !at || point.data.mode !== "markers" || point.customdata === undefined
    if (image.hidden) return
    const { pointNumber: number } = point
    const box = plot.getBoundingClientRect()
    const scale = box.width / plot.offsetWidth || 1
    const left = (event.clientX - box.left) / scale
    const top = (event.clientY - box.top) / scale
    Object.assign(image.style, {
      width: `${SIDE}px`,
      height: `${SIDE}px`,
      left: `${left + 14 + SIDE > plot.offsetWidth ? left - 14 - SIDE : left + 14}px`,
      top: `${top - 18 - SIDE < 0 ? top + 22 : top - 18 - SIDE}px`,
      backgroundImage: `url(${at.address})`,
      backgroundSize: `${SIDE * at.across}px ${SIDE * at.down}px`,
      backgroundPosition: `${-SIDE * (number % at.across)}px ${-SIDE * Math.floor(number / at.across)}px`,
    })
  })
  plot.on("plotly_unhover", () => (image.hidden = true))
}
