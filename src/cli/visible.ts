/**
 * Text for a terminal: control characters become pictures of themselves. Logs and evidence come from the VM, which is
 * not trusted, and an escape sequence could rename the window, hide lines or type at the prompt.
 */

/** All but line feed and tab; DEL and the C1 range as well. */
const CONTROL = /(?![\n\t])\p{Cc}/gu;
const PICTURES = 0x2400;
const DELETE = 0x7f;

/** The same text with `␛` and its kin in the place of control characters; CR LF is a line's end like any other. */
export function visible(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(CONTROL, (char) => {
    const code = char.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(PICTURES + code);
    return code === DELETE ? "␡" : "�";
  });
}
