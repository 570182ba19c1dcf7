# Pieces of a VM's work (vm_work.rb) as one file, of the form that `notebox restore` reads: a plain tar of a READ-ME, the
# packed pieces and, last, a manifest with their sizes and SHA-256. Its owner's alone: it holds tokens.

require "digest"
require "fileutils"
require "json"
require "rubygems/package"
require "time"
require "zlib"

module Notebox
  module BackupFile
    CHUNK = 1024 * 1024

    # Path of the new file, below `root`. `about` holds workbench, services and guest, as the manifest has them.
    def self.write(root, pieces, about)
      folder = File.join(root, "backups")
      FileUtils.mkdir_p(folder)
      file = File.join(folder, "#{about[:workbench][:name]}-#{Time.now.utc.strftime('%Y-%m-%dT%H-%M-%S')}.tar")
      part = "#{file}.part"
      FileUtils.rm_f(part)
      File.open(part, File::WRONLY | File::CREAT | File::EXCL | File::BINARY, 0o600) do |io|
        fill(io, pieces, about)
        io.fsync
      end
      File.rename(part, file)
      file
    ensure
      FileUtils.rm_f(part) if part
    end

    def self.fill(io, pieces, about)
      made = Time.now.utc
      members = []
      Gem::Package::TarWriter.new(io) do |tar|
        read_me = read_me(about[:workbench][:title], made)
        add(tar, "READ-ME.txt", read_me.bytesize) { |out| out.write(read_me) }
        members << { name: "READ-ME.txt", size: read_me.bytesize, sha256: Digest::SHA256.hexdigest(read_me) }
        pieces.each do |piece|
          add(tar, piece.name, File.size(piece.file)) { |out| each_chunk(piece.file) { |bytes| out.write(bytes) } }
          members << member(piece)
        end
        manifest = "#{JSON.pretty_generate(manifest(about, made, members))}\n"
        add(tar, "manifest.json", manifest.bytesize) { |out| out.write(manifest) }
      end
    end

    def self.add(tar, name, size, &body)
      tar.add_file_simple(name, 0o600, size, &body)
    end

    def self.member(piece)
      told = { name: piece.name, size: File.size(piece.file), sha256: Digest::SHA256.file(piece.file).hexdigest }
      piece.name.end_with?(".gz") ? told.merge(unpacked: unpacked(piece.file)) : told
    end

    # Reads it to its end, so that a piece that was cut off is noticed. Bytes.
    def self.unpacked(file)
      Zlib::GzipReader.open(file) do |packed|
        bytes = 0
        while (chunk = packed.read(CHUNK))
          bytes += chunk.bytesize
        end
        bytes
      end
    end

    def self.each_chunk(file)
      File.open(file, "rb") do |io|
        while (chunk = io.read(CHUNK))
          yield chunk
        end
      end
    end

    def self.manifest(about, made, members)
      { format: "notebox-backup", version: 1, made: made.iso8601, by: "Start", without: [], **about, members: members }
    end

    def self.read_me(title, made)
      <<~TEXT
        This is a backup of the workbench “#{title}”, made by Start at #{made.iso8601}.
        It holds work from inside the virtual machine and its tokens: whoever has this file can open the workbench.
        Keep it to yourself. “notebox restore FILE”, in the workbench's folder, brings it back.
      TEXT
    end
    private_class_method :fill, :add, :member, :unpacked, :each_chunk, :manifest, :read_me
  end
end
