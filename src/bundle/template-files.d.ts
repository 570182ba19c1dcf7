/** Templates are compiled when notebox is built (scripts/lib/templates.mjs). */
declare module "*.hbs" {
  const template: TemplateSpecification;
  // biome-ignore lint/style/noDefaultExport: as for every file that a bundler turns into a module
  export default template;
}
