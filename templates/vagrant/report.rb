# The report that a launcher saves for the IT desk: one zip with the checks, logs, versions and the rendered files, without
# names and secrets. It needs nothing but Ruby; `notebox report` makes the same with more about notebox itself.
#
#   Notebox::Report.write(folder) -> path of the zip, in that folder

require "digest"
require "etc"
require "json"
require "socket"
require "zlib"

require_relative "redactor"

module Notebox
  class Report
    LOGS = 8
    LOG_BYTES = 512 * 1024
    TEXTS = %w[Vagrantfile workbench.yaml .notebox/endpoints.json .notebox/check.json
               .notebox/host.json .notebox/started/summary.json].freeze

    def self.write(folder)
      new(folder).write
    end

    def initialize(root)
      @root = root
      @redactor = Redactor.new(Redactor.names(root))
    end

    # [[name in the zip, text], …], redacted.
    def contents
      @contents ||= begin
        gathered = [["versions.json", versions], ["files.json", files], *texts, *logs]
        # Once for the names of computers that only a later text has in an address.
        gathered.each { |_, text| @redactor.clean(text) }
        gathered.map { |name, text| [name, @redactor.clean(text)] }
      end
    end

    def listing
      lines = contents.map { |name, text| format("  %-44s %9d bytes", name, text.bytesize) }
      ["The report holds these files, without tokens, keys, your name and the names of computers:", *lines].join("\n")
    end

    def write
      path = File.join(@root, "report-#{Time.now.utc.strftime('%Y-%m-%dT%H-%M-%S')}.zip")
      File.open(path, File::WRONLY | File::CREAT | File::EXCL | File::BINARY, 0o600) { |io| io.write(zip) }
      path
    end

    private

    def versions
      found = { system: RUBY_PLATFORM, ruby: RUBY_VERSION, time: Time.now.utc.strftime("%Y-%m-%dT%H:%M:%SZ") }
      found[:vagrant] = Vagrant::VERSION if defined?(Vagrant::VERSION)
      found[:virtualbox] = virtualbox
      JSON.pretty_generate(found)
    end

    def virtualbox
      VagrantPlugins::ProviderVirtualBox::Driver::Meta.new.version if defined?(VagrantPlugins::ProviderVirtualBox)
    rescue StandardError
      nil
    end

    # Of each rendered file: whether it is as it was rendered.
    def files
      recorded = JSON.parse(read(".notebox/rendered.json") || "{}").fetch("files", {})
      states = recorded.map do |name, hash|
        there = read(name)
        [name, there.nil? ? "missing" : Digest::SHA256.hexdigest(there) == hash ? "as rendered" : "changed"]
      end
      JSON.pretty_generate(states.to_h)
    rescue JSON::ParserError, NoMethodError, TypeError
      "{}"
    end

    def texts
      found = Dir.glob("provision/workbench/**/*", base: @root).sort.reject { |name| name.match?(%r{/(?:hash|workbench\.lock)\z}) }
      (TEXTS + found).map { |name| [name.sub(/\A\.notebox/, "notebox"), read(name)] }.reject { |_, text| text.nil? }
    end

    # The newest ones; of a long one its end.
    def logs
      names = Dir.glob("*.{log,jsonl}", base: File.join(@root, ".notebox", "logs")).sort.last(LOGS)
      names.map { |name| ["logs/#{name}", read(".notebox/logs/#{name}")] }.reject { |_, text| text.nil? }
           .map { |name, text| [name, text.bytesize > LOG_BYTES ? text.byteslice(-LOG_BYTES, LOG_BYTES).scrub("?") : text] }
    end

    # Text of a plain file, or nil. A link may lead to a file that is nobody's business.
    def read(name)
      path = File.join(@root, *name.split("/"))
      return nil unless File.lstat(path).file?

      File.binread(path).force_encoding("UTF-8").scrub("?")
    rescue SystemCallError
      nil
    end

    # A zip without compression: PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
    def zip
      list = "".b
      data = contents.each_with_object("".b) do |(name, text), all|
        name = name.b
        text = text.b
        at = all.bytesize
        common = [20, 0x0800, 0, 12 << 11, 33, Zlib.crc32(text), text.bytesize, text.bytesize, name.bytesize, 0]
        all << [0x04034b50, *common].pack("VvvvvvVVVvv") << name << text
        list << [0x02014b50, 0x0314, *common, 0, 0, 0, 0o100600 << 16, at].pack("VvvvvvvVVVvvvvvVV") << name
      end
      count = contents.size
      data + list + [0x06054b50, 0, 0, count, count, list.bytesize, data.bytesize, 0].pack("VvvvvVVv")
    end
  end
end
