// A button that copies the link to the page. Without access to the clipboard it copies from a selected field.

export default function (component) {
  const button = component.parentElement.querySelector("button")
  const say = words => {
    button.textContent = words
    window.clearTimeout(button.timer)
    button.timer = window.setTimeout(() => (button.textContent = "Copy the link"), 2500)
  }
  const by_hand = () => {
    const field = document.createElement("textarea")
    field.value = component.data.link
    document.body.appendChild(field)
    field.select()
    const copied = document.execCommand("copy")
    field.remove()
    button.focus()
    return copied ? Promise.resolve() : Promise.reject()
  }
  button.onclick = () => (navigator.clipboard?.writeText(component.data.link) ?? Promise.reject())
    .catch(by_hand).then(() => say("Copied"), () => say("Not copied: select the link above"))
}
