# The two small scripts that run in the VM before and after provision/ is copied there. What they do to the VM is
# in provision/run.sh; they only clear its place, and hand over this computer's settings.
# Nothing goes by way of /tmp, where a program in the VM could lay something in the way.

require_relative "host_settings"

module Notebox
  class Provisioning
    FOLDER = "/home/vagrant/notebox".freeze
    # Uploaded before FOLDER exists.
    PREPARE_PATH = "/home/vagrant/.notebox-prepare".freeze
    RUN_PATH = "#{FOLDER}/run".freeze

    def initialize(provider, gateway)
      @provider = provider
      @settings = HostSettings.new(gateway)
    end

    def loopback?
      @settings.loopback?
    end

    # Empties the folder, so that files which were removed from provision/ are gone from the VM too.
    def self.prepare_script
      <<~BASH
        #!/bin/bash
        set -eu
        rm -f -- #{PREPARE_PATH}
        rm -rf -- #{FOLDER}
        install -d -m 0700 -o vagrant -g vagrant #{FOLDER}
      BASH
    end

    def run_script
      <<~BASH
        #!/bin/bash
        set -eu
        rm -f -- #{RUN_PATH}
        #{certificates}
        #{exports}
        exec bash #{FOLDER}/provision/run.sh
      BASH
    end

    private

    def exports
      values = { "NOTEBOX_PROVIDER" => @provider }.merge(@settings.environment)
      values.map { |name, value| "export #{name}=#{quote(value)}" }.join("\n")
    end

    # PEM has no character that ends or escapes from a quoted here-document.
    def certificates
      pem = @settings.certificates
      return "rm -f -- #{FOLDER}/host/ca.pem" unless pem

      "install -d -m 0700 #{FOLDER}/host\ncat > #{FOLDER}/host/ca.pem <<'PEM'\n#{pem}PEM"
    end

    # Bash takes everything between single quotes as it stands.
    def quote(value)
      "'#{value.gsub("'") { "'\\''" }}'"
    end
  end
end
