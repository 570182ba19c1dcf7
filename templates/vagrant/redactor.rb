# Takes out of a report what is nobody's business: tokens, passwords, private keys, the person's name, the names of
# computers, unless those are so short that every other word would go. A computer's name keeps a stand-in ([host-1]), so that it can still be told where two lines mean the same.
# src/redact.ts has the same rules; a test compares what both make of the same texts.

require "etc"
require "socket"

module Notebox
  class Redactor
    MARK = "[redacted]".freeze
    # What settings call a secret, with whatever stands before it: JUPYTER_TOKEN, db_password, wstoken.
    NAMED = /[A-Za-z0-9_.-]*(?:token|passw(?:or)?d|passwort|kennwort|passphrase|secret|(?:api|access|secret|private)[_-]?key)/i.freeze
    SHAPES = %w[gh[pousr]_[A-Za-z0-9]{20,} github_pat_[A-Za-z0-9_]{20,} glpat-[A-Za-z0-9_-]{20,} hf_[A-Za-z0-9]{20,} xox[abeoprs]-[A-Za-z0-9-]{10,}
                sk-[A-Za-z0-9_-]{32,} (?:AKIA|ASIA)[A-Z0-9]{16} eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_.-]{10,}].join("|").freeze
    # Not \b, which in Ruby knows letters of every alphabet and in JavaScript only ours.
    PATTERNS = [
      [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)/m, MARK],
      [/(?<![A-Za-z0-9_.-])(#{NAMED})(=|%3D)[^\s&#"'<>]+/i, "\\1\\2#{MARK}"],
      [/(["']#{NAMED}\\?["']\s*:\s*\\?["'])[^"'\\]+/i, "\\1#{MARK}"],
      [/(?<![^\n])([ \t]*(?:- )?#{NAMED}[ \t]*[:=][ \t]+)[^ \t\r\n][^\r\n]*/i, "\\1#{MARK}"],
      [/(?<![A-Za-z0-9_])(authorization["']?\s*[:=]\s*["']?(?:token|bearer|basic))\s+[^\s"',]+/i, "\\1 #{MARK}"],
      [%r{(?<![A-Za-z0-9_])([a-z][a-z0-9+.-]*://)[^\s/@"'<>]+@}i, "\\1#{MARK}@"],
      [/(?<![A-Za-z0-9_-])(?:#{SHAPES})/, MARK],
      [/(?<![A-Za-z0-9_])[0-9a-f]{32,}(?![A-Za-z0-9_])/i, MARK],
    ].freeze
    # Hosts of addresses and of UNC paths, but for this computer itself and numbers of private networks.
    HOSTS = [%r{(?<![A-Za-z0-9_])(?:https?|ftp|ssh|smb)://(?:\[redacted\]@)?([A-Za-z0-9.-]+)}i,
             %r{(?<![A-Za-z0-9_])file:(?://|/{4,5})([A-Za-z0-9][A-Za-z0-9.-]+)(?=/)}i, %r{(?<![:\w/\\])(?://|\\{2,4})([A-Za-z0-9][A-Za-z0-9.-]+)(?=[/\\])}].freeze
    OPEN = /\A(?:localhost|127(?:\.\d+){3}|10\.0\.2\.\d+|192\.168\.121\.\d+|.*\.example\.(?:com|org|edu)|vagrantcloud\.com)\z/i.freeze

    # What is known of this computer: { home:, users: [], hosts: [] }.
    def self.names(_root = nil)
      users = [File.basename(home), Etc.getlogin, ENV["USER"], ENV["USERNAME"], ENV["LOGNAME"]].compact
      hosts = [Socket.gethostname, ENV["COMPUTERNAME"], ENV["USERDOMAIN"]].compact
      { home: home, users: users, hosts: hosts + hosts.map { |host| host.split(".").first } }
    end

    def self.home
      Dir.home.to_s
    rescue ArgumentError
      ""
    end

    def initialize(names)
      @home = home_pattern(names[:home].to_s)
      @users = names[:users].map(&:strip).reject { |user| user.length < 3 || user == "root" }.uniq
      @hosts = {}
      names[:hosts].map(&:strip).reject { |host| host.length < 3 || OPEN.match?(host) }.uniq(&:downcase).each { |host| alias_of(host) }
    end

    def clean(text)
      text = text.dup.force_encoding("UTF-8").scrub("?")
      PATTERNS.each { |pattern, mark| text = text.gsub(pattern, mark) }
      text = text.gsub(@home, "~") if @home
      HOSTS.each { |pattern| text.scan(pattern) { |(host)| alias_of(host) unless OPEN.match?(host) } }
      @hosts.sort_by { |host, _| -host.length }.each { |host, mark| text = text.gsub(word(host), mark) }
      @users.each { |user| text = text.gsub(word(user), "[user]") }
      text
    end

    private

    def alias_of(host)
      @hosts[host.downcase] ||= "[host-#{@hosts.size + 1}]"
    end

    # The name by itself: anna, but not annabel.
    def word(name)
      /(?<![\p{L}\p{N}])#{Regexp.escape(name)}(?![\p{L}\p{N}])/i
    end

    # C:\Users\anna is also written C:/Users/anna and C:\\Users\\anna.
    def home_pattern(home)
      parts = home.split(%r{[/\\]+}).reject(&:empty?)
      return nil if parts.empty?

      drive = parts.first =~ /\A[A-Za-z]:\z/
      body = parts.map { |part| Regexp.escape(part) }.join('(?:/|\\\\+)')
      Regexp.new("(?<![A-Za-z0-9_.-])#{drive ? '' : '[/\\\\]'}#{body}(?![A-Za-z0-9_-])", drive ? Regexp::IGNORECASE : 0)
    end
  end
end
