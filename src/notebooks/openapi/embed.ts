/** Data put into the templates of templates/api/, so that whatever is in it stays data. Pure. */

/** JSON that can stand in HTML and in JavaScript: no tag, comment or line separator of theirs begins in it. */
export function embeddable(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The text with the one occurrence of each mark replaced. Throws Error when a template lacks a mark. */
export function fillIn(template: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((text, [mark, value]) => {
    if (text.split(mark).length !== 2) throw new Error(`the template does not have ${mark} exactly once`);
    return text.replace(mark, () => value);
  }, template);
}
