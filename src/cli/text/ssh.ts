/** `notebox ssh` adds nothing to what the VM wrote on the terminal. */
export function text(): string {
  return "";
}
