# What this computer knows about its network and the VM needs too: proxies, certificates, and where pip and apt
# fetch packages. It is read anew at each start and handed to the VM; nothing of it is kept in this folder.

require "etc"

module Notebox
  class HostSettings
    LOOPBACK = %r{\A([a-z][a-z0-9+.-]*://)?([^@/\s]*@)?(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?=[:/]|\z)}i.freeze
    CERTIFICATE = /-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+\/=\r\n]+-----END CERTIFICATE-----/.freeze
    # Variables that name a file of certificates, for this program or that.
    CERTIFICATE_VARIABLES = %w[
      NOTEBOX_CA_BUNDLE PIP_CERT REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE NODE_EXTRA_CA_CERTS
    ].freeze
    PIP_OPTIONS = {
      "PIP_INDEX_URL" => "index-url",
      "PIP_EXTRA_INDEX_URL" => "extra-index-url",
      "PIP_TRUSTED_HOST" => "trusted-host",
    }.freeze

    # `gateway` is the address under which the VM reaches this computer.
    def initialize(gateway)
      @gateway = gateway
    end

    # The environment that provisioning runs in.
    def environment
      values = proxies.merge(pip).merge(apt)
      values.reject { |_, value| value.nil? || value.empty? || value.match?(/[[:cntrl:]]/) }
    end

    # All certificates that this computer adds to the usual ones, as PEM, or nil.
    def certificates
      found = certificate_files.flat_map { |file| read(file).scan(CERTIFICATE) }
      found.empty? ? nil : "#{found.map { |pem| pem.delete("\r") }.uniq.join("\n")}\n"
    end

    # Whether a proxy or index listens on this computer's loopback address.
    def loopback?
      originals = [proxy("http_proxy"), proxy("https_proxy"), *pip_values.values, apt_proxy]
      originals.compact.flat_map(&:split).any? { |value| value =~ LOOPBACK }
    end

    private

    def proxies
      http = proxy("http_proxy")
      https = proxy("https_proxy")
      return {} unless http || https

      direct = ["localhost", "127.0.0.1", "::1", @gateway, *proxy("no_proxy").to_s.split(/[,\s]+/)]
      { "http_proxy" => seen_from_vm(http), "https_proxy" => seen_from_vm(https), "no_proxy" => direct.uniq.join(",") }
    end

    def proxy(name)
      value = [variable(name), variable(name.upcase)].compact.map(&:strip).reject(&:empty?).first
      return value if value.nil? || name == "no_proxy" || value.include?("://")

      "http://#{value}"
    end

    def pip
      pip_values.transform_values { |value| seen_from_vm(value) }
    end

    def pip_values
      @pip_values ||= PIP_OPTIONS.map { |name, option| [name, variable(name) || pip_file[option]] }.to_h.compact
    end

    def apt
      given = ENV.keys.grep(/\ANOTEBOX_APT_[A-Z_]+\z/).map { |name| [name, variable(name)] }.to_h
      { "NOTEBOX_APT_PROXY" => apt_proxy }.merge(given).transform_values { |value| seen_from_vm(value) }
    end

    def apt_proxy
      @apt_proxy ||= variable("NOTEBOX_APT_PROXY") || apt_files.map do |file|
        read(file)[/^\s*Acquire::http::Proxy\s+"([^"]+)"/i, 1]
      end.compact.reject { |value| value.casecmp("DIRECT").zero? }.last
    end

    # In UTF-8, whatever the locale; a value that is none is left out rather than broken.
    def variable(name)
      value = ENV[name].dup
      return nil if value.nil?

      value.force_encoding("UTF-8") if [Encoding::US_ASCII, Encoding::BINARY].include?(value.encoding)
      value = value.encode("UTF-8")
      value.valid_encoding? ? value : nil
    rescue EncodingError
      nil
    end

    def apt_files
      ["/etc/apt/apt.conf", *Dir["/etc/apt/apt.conf.d/*"].sort]
    end

    # An address on this computer's loopback, as the VM reaches it. Several values may stand in one, apart by blanks.
    def seen_from_vm(value)
      return nil if value.nil? || value.match?(/[[:cntrl:]]/)

      value.split.map { |part| part.sub(LOOPBACK) { "#{Regexp.last_match(1)}#{Regexp.last_match(2)}#{@gateway}" } }.join(" ")
    end

    def certificate_files
      named = CERTIFICATE_VARIABLES.map { |name| ENV[name] } << pip_file["cert"]
      named = named.compact.reject { |file| vagrants_own?(file) }
      # Where Debian and its kin keep the certificates that this computer's keepers added.
      (named + Dir["/usr/local/share/ca-certificates/**/*.crt"].sort).uniq
    end

    # Vagrant's installers set SSL_CERT_FILE and CURL_CA_BUNDLE to the usual certificates; those the VM has.
    def vagrants_own?(file)
      embedded = ENV["VAGRANT_INSTALLER_EMBEDDED_DIR"].to_s.tr("\\", "/")
      !embedded.empty? && file.tr("\\", "/").downcase.start_with?(embedded.downcase)
    end

    # pip's configuration files, the later ones win (pip's documentation, "Configuration").
    def pip_file
      @pip_file ||= pip_files.map { |file| parse_pip(read(file)) }.inject({}, :merge)
    end

    def pip_files
      return [ENV["PIP_CONFIG_FILE"]] if ENV["PIP_CONFIG_FILE"]

      home = Dir.home
      windows = %w[ProgramData APPDATA].map { |name| ENV[name] && File.join(ENV[name], "pip", "pip.ini") }
      [
        "/etc/xdg/pip/pip.conf", "/etc/pip.conf", "/Library/Application Support/pip/pip.conf",
        windows[0], File.join(home, "pip", "pip.ini"), File.join(home, ".pip", "pip.conf"),
        File.join(ENV["XDG_CONFIG_HOME"] || File.join(home, ".config"), "pip", "pip.conf"),
        File.join(home, "Library", "Application Support", "pip", "pip.conf"), windows[1]
      ].compact
    rescue ArgumentError
      [] # no home folder
    end

    def parse_pip(text)
      section = key = nil
      text.each_line.with_object({}) do |line, options|
        case line
        when /\A\s*[#;]/, /\A\s*\z/ then next
        when /\A\[([^\]]+)\]/ then section = Regexp.last_match(1)
        when /\A([A-Za-z_-]+)\s*[:=]\s*(.*?)\s*\z/
          key = Regexp.last_match(1).tr("_", "-")
          options[key] = Regexp.last_match(2) if %w[global install].include?(section)
        when /\A\s+(\S.*?)\s*\z/
          options[key] = "#{options[key]} #{Regexp.last_match(1)}".strip if options.key?(key)
        end
      end
    end

    # Files of other programs, in any encoding, that need not be there.
    def read(file)
      File.binread(file).force_encoding("UTF-8").scrub("?")
    rescue SystemCallError
      ""
    end
  end
end
