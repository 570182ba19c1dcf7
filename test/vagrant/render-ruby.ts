/** Runs the Ruby beside the Vagrantfile without Vagrant: a stand-in for the one class that it inherits from. */
import { spawnSync } from "node:child_process";
import path from "node:path";

const FOLDER = path.resolve(import.meta.dirname, "../../templates/vagrant");

export const PRELUDE = `
require "json"
module Vagrant
  module Errors
    class VagrantError < StandardError
      def initialize(*) = super(error_message)
    end
    class DownloaderError < VagrantError
      def error_message = ""
    end
  end
  module Util
    class Downloader; end
    module Platform
      def self.windows? = false
    end
  end
end
%w[vagrant/util/downloader vagrant/util/platform].each { |name| $LOADED_FEATURES << "/stand-in/#{name}.rb" }
module Kernel
  alias_method :plain_require, :require
  def require(name) = name.start_with?("vagrant/") ? false : plain_require(name)
end
`;

/** Evaluates `code` after loading one of the files; `code` ends in the value, which comes back by way of JSON. */
export function evaluate(file: string, code: string, env: NodeJS.ProcessEnv = {}): unknown {
  const program = `${PRELUDE}\nload ${JSON.stringify(path.join(FOLDER, file))}\nputs JSON.generate((\n${code}\n))`;
  const run = spawnSync("ruby", ["-w", "-"], {
    input: program,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", HOME: "/nonexistent", ...env },
  });
  if (run.status !== 0 || run.stderr !== "") throw new Error(`${run.stderr}\n${run.stdout}`);
  return JSON.parse(run.stdout);
}
