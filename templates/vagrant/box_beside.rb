# The box that came with the hand-out, in the folder share/ beside the Vagrantfile. Its catalog holds addresses relative
# to that folder; Vagrant wants absolute ones, so a copy with those is written at the start.

require "fileutils"
require "json"

module Notebox
  module BoxBeside
    FOLDER = "share".freeze
    CATALOG = ".notebox/catalog.json".freeze

    # Path of the catalog for Vagrant, or nil when no such box came along.
    def self.catalog(root, name)
      share = File.join(root, FOLDER)
      text = File.binread(File.join(share, "catalogs", "here", *name.split("/")) + ".json")
      data = JSON.parse(text.force_encoding("UTF-8"))
      providers = data.fetch("versions").flat_map { |version| version.fetch("providers") }
      return nil unless providers.all? { |provider| box?(share, provider.fetch("url")) }

      providers.each { |provider| provider["url"] = address(File.join(share, plain(provider["url"]))) }
      write(File.join(root, CATALOG), JSON.pretty_generate(data))
    rescue SystemCallError, JSON::ParserError, KeyError
      nil
    end

    # Whether the file came along too: a folder can be unpacked in part.
    def self.box?(share, url)
      path = plain(url)
      path.start_with?("boxes/") && !path.split("/").include?("..") && File.file?(File.join(share, path))
    end

    def self.plain(url)
      url.gsub(/%(\h\h)/) { Regexp.last_match(1).hex.chr }.force_encoding("UTF-8")
    end

    # Everything but what needs no quoting is escaped: curl refuses blanks and umlauts. UNC paths get four slashes.
    def self.address(path)
      escaped = path.b.gsub(%r{[^A-Za-z0-9/._~-]}) { |byte| format("%%%02X", byte.ord) }
      escaped = escaped.sub(%r{\A([A-Za-z])%3A/}, '\1:/')
      "file://#{'/' unless escaped.start_with?('/')}#{escaped}"
    end

    def self.write(path, text)
      FileUtils.mkdir_p(File.dirname(path))
      part = "#{path}.#{Process.pid}"
      File.binwrite(part, text)
      File.rename(part, path)
      # Vagrant would take a % in a path for an escaped byte.
      path.include?("%") ? address(path) : path
    ensure
      FileUtils.rm_f(part) if part
    end
  end
end
