# The script that brings provision/ into the VM and runs it. The folder travels inside the script, because Vagrant's
# own way, file by file, takes a minute on a slow computer. What happens to the VM then is in provision/run.sh.
# Nothing goes by way of /tmp, where a program in the VM could lay something in the way.

require "rubygems/package"
require "stringio"
require "zlib"

require_relative "failure"
require_relative "host_settings"
require_relative "versions"

module Notebox
  class Provisioning
    FOLDER = "/home/vagrant/notebox".freeze
    PACKED = "guest.tar.gz".freeze
    WHEELS = "#{FOLDER}/wheels".freeze
    # Where Vagrant puts the script for the time that it runs.
    SCRIPT_PATH = "/home/vagrant/.notebox-provision".freeze
    CLEAR_WHEELS = "#!/bin/bash\nrm -rf -- #{SCRIPT_PATH} #{WHEELS}\n".freeze

    # `root` is the workbench folder, `gateway` the address under which the VM reaches this computer.
    def initialize(root, provider, gateway)
      @root = root
      @provider = provider
      @settings = HostSettings.new(gateway)
    end

    # Whether the VM needs something that listens on this computer's loopback address.
    def loopback?
      @settings.loopback?
    end

    def script
      <<~BASH
        #!/bin/bash
        set -eu
        rm -f -- #{SCRIPT_PATH}
        install -d -m 0700 -o vagrant -g vagrant #{FOLDER}
        rm -rf -- #{FOLDER}/provision #{FOLDER}/host #{wheels? ? '' : WHEELS}
        mkdir -m 0700 #{FOLDER}/provision #{FOLDER}/host
        base64 -d <<'TAR' | tar -xz --no-same-owner -C #{FOLDER}/provision
        #{self.class.packed(File.join(@root, 'provision'), pattern)}
        TAR
        #{unpacking}
        #{certificates}
        #{exports}
        exec bash #{FOLDER}/provision/run.sh
      BASH
    end

    # A folder's files as a compressed tar in base64. Kept, because Vagrant reads its Vagrantfile several times a command.
    def self.packed(folder, pattern)
      @packed ||= {}
      @packed[[folder, pattern]] ||= [Zlib.gzip(tar(folder, pattern))].pack("m").chomp
    end

    def self.tar(folder, pattern)
      tar = StringIO.new("".b)
      Gem::Package::TarWriter.new(tar) do |writer|
        Dir.glob(pattern, base: folder).sort.each do |name|
          path = File.join(folder, name)
          next if File.symlink?(path) || !File.file?(path)

          content = File.binread(path)
          writer.add_file_simple(name, content.start_with?("#!") ? 0o755 : 0o644, content.bytesize) { |io| io.write(content) }
        end
      end
      tar.string
    end

    # The text of one file of provision/, wherever it lies.
    def self.member(root, name)
      file = File.join(root, "provision", name)
      return File.binread(file) unless one_file?(root)

      Zlib::GzipReader.open(File.join(root, "provision", PACKED)) do |packed|
        Gem::Package::TarReader.new(packed) { |tar| tar.each { |entry| return entry.read if entry.full_name == name } }
      end
      raise Failure, "provision/#{PACKED} holds no #{name}: unzip the hand-out again."
    end

    # Both can lie there: a hand-out was unpacked over an older one, whose steps are not its own, or notebox has laid
    # out the steps of this workbench since. Render's record says which.
    def self.one_file?(root)
      file = File.join(root, "provision", PACKED)
      File.file?(file) && !File.symlink?(file) && !Versions.recorded(root).key?("provision/run.sh")
    end

    private

    def one_file?
      @one_file = self.class.one_file?(@root) if @one_file.nil?
      @one_file
    end

    # Beside that file goes only what the workbench says.
    def pattern
      one_file? ? "{#{PACKED},workbench/**/*}" : "**/*"
    end

    def unpacking
      return ":" unless one_file?

      "tar -xz --no-same-owner -C #{FOLDER}/provision -f #{FOLDER}/provision/#{PACKED}\n" \
        "rm -f -- #{FOLDER}/provision/#{PACKED}"
    end

    def wheels?
      %w[wheels .notebox/wheels].any? { |name| File.directory?(File.join(@root, name)) }
    end

    def exports
      values = { "NOTEBOX_PROVIDER" => @provider }.merge(@settings.environment)
      values.map { |name, value| "export #{name}=#{quote(value)}" }.join("\n")
    end

    # PEM has no character that ends a quoted here-document or means anything in it.
    def certificates
      pem = @settings.certificates
      pem ? "cat > #{FOLDER}/host/ca.pem <<'PEM'\n#{pem}PEM" : ":"
    end

    # Bash takes everything between single quotes as it stands.
    def quote(value)
      "'#{value.gsub("'") { "'\\''" }}'"
    end
  end
end
