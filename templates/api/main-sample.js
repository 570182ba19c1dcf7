/** What happens on the page. Change this to what your page needs. */
  async function main() {
    const answer = await /*@@EXAMPLE@@*/;
    say("the answer of the workbench", answer);
  }
