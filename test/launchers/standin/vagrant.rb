#!/usr/bin/env ruby
# A stand-in for Vagrant: reads the folder's real Vagrantfile, fires its triggers and says what Vagrant says, but makes
# no VM. What it is to do and what it did lies in the folder that NOTEBOX_STANDIN names:
#   calls   one line a call: the folder, the words, NOTEBOX_LAUNCHER, VAGRANT_HOME
#   vm      the VM's state, which the stand-in for VBoxManage says; no file, no VM
#   fail    the class and the text of an error with which `up` is to end
#   slow    how many seconds `up` is to take

require "fileutils"

$LOAD_PATH.unshift(File.join(File.dirname(File.realpath(__FILE__)), "lib"))

STANDIN = ENV.fetch("NOTEBOX_STANDIN")
MACHINE_ID = "0f3a5c1e-1111-4222-8333-444455556666".freeze

def standin(name)
  file = File.join(STANDIN, name)
  File.file?(file) ? File.read(file).strip : nil
end

module Vagrant
  VERSION = "2.4.9".freeze

  module Errors
    class VagrantError < StandardError
      def initialize(text = nil)
        super(text || error_message)
      end

      def error_message
        "something went wrong"
      end

      def status_code
        1
      end
    end

    class DownloaderError < VagrantError; end
    class VBoxManageError < VagrantError; end
    class MachineLocked < VagrantError; end
  end

  def self.require_version(*); end

  def self.configure(_version)
    yield CONFIG
  end
end

# Takes every setting and keeps what is asked for later.
class Recorder
  attr_reader :networks, :triggers

  def initialize
    @networks = []
    @triggers = []
    @parts = Hash.new { |parts, name| parts[name] = Recorder.new }
  end

  def network(type, **options)
    @networks << [type.to_sym, options]
  end

  def provider(name)
    yield Recorder.new, Recorder.new if name == "virtualbox"
  end

  %i[before after].each do |moment|
    define_method(moment) do |*actions, &block|
      one = Trigger.new(moment, actions)
      block.call(one)
      @triggers << one
    end
  end

  def respond_to_missing?(*)
    true
  end

  def method_missing(name, *, **, &_block)
    @parts[name]
  end
end

Trigger = Struct.new(:moment, :actions, :name, :work) do
  def ruby(&block)
    self.work = block
  end
end

class Terminal
  %i[info detail output success warn error].each { |level| define_method(level) { |text, **| puts "==> default: #{text}" } }
end

State = Struct.new(:id)

class Machine
  def id
    File.file?(id_file) ? File.read(id_file) : nil
  end

  def id_file
    File.join(data_dir, "id")
  end

  def data_dir
    Pathname.new(Dir.pwd).join(".vagrant", "machines", "default", "virtualbox")
  end

  def state
    State.new(id ? (standin("vm") || "poweroff").to_sym : :not_created)
  end

  def provider_name
    :virtualbox
  end

  def env
    Struct.new(:root_path, :machine_index).new(Dir.pwd, [])
  end

  def ui
    @ui ||= Terminal.new
  end

  def config
    CONFIG
  end

  def box_folder
    File.join(ENV["VAGRANT_HOME"] || File.join(Dir.home, ".vagrant.d"), "boxes", "notebox-VAGRANTSLASH-debian-13", "13.1.0", "virtualbox")
  end

  def box
    File.directory?(box_folder) ? "a box" : nil
  end

  def provider
    Struct.new(:none) { def capability?(_name) = false }.new
  end

  def ssh_info
    { host: "127.0.0.1", port: 2222, username: "vagrant", private_key_path: [File.join(data_dir, "private_key")] }
  end

  def communicate
    self
  end

  def wait_for_ready(_seconds)
    puts "==> default: asked whether it answers"
    true
  end

  def sudo(command, **)
    yield :stdout, "token-token-token-token" if command.include?("/tokens/")
    command.start_with?("test -e ") ? 1 : 0
  end
end

def fire(moment, action, machine)
  CONFIG.trigger.triggers.each do |one|
    one.work.call(machine.env, machine) if one.moment == moment && one.actions.include?(action)
  end
end

def up(machine)
  if machine.box.nil?
    puts "==> default: Box 'notebox/debian-13' could not be found. Attempting to find and install..."
    %w[0:03:10 0:01:04 0:00:20].each { |left| print "\r\e[K    default: Progress: 10% (Rate: 2M/s, Estimated time remaining: #{left})" }
    puts
    FileUtils.mkdir_p(machine.box_folder)
    File.write(File.join(machine.box_folder, "metadata.json"), '{"provider":"virtualbox"}')
  end
  unless machine.id
    puts "==> default: Importing base box 'notebox/debian-13'..."
    FileUtils.mkdir_p(machine.data_dir)
    File.write(machine.id_file, MACHINE_ID)
  end
  puts "==> default: Booting VM..."
  sleep standin("slow").to_f
  name, text = standin("fail").to_s.split(" ", 2)
  raise Vagrant::Errors.const_get(name), text if name

  File.write(File.join(STANDIN, "vm"), "running")
  puts "==> default: Running provisioner: provision (shell)..."
  puts "    default: notebox: [2/3] Python packages …"
end

# As bin/vagrant does it: the error's text on standard error, and the exit that the error asks for.
begin
  words = ARGV.join(" ")
  File.write(File.join(STANDIN, "calls"), [Dir.pwd, words, ENV["NOTEBOX_LAUNCHER"], ENV["VAGRANT_HOME"]].join("|") + "\n", mode: "a")
  require "pathname"
  CONFIG = Recorder.new
  load File.join(Dir.pwd, "Vagrantfile")
  # Nothing listens at this VM's ports; waiting for a real one is in test/unit/launcher-start.test.ts.
  Notebox::Readiness.define_singleton_method(:await) { |*, **| nil }
  machine = Machine.new
  action = ARGV.first.to_sym
  fire(:before, action, machine)
  case action
  when :up then up(machine)
  when :halt then File.write(File.join(STANDIN, "vm"), "poweroff")
  when :destroy
    [machine.id_file, File.join(STANDIN, "vm")].each { |file| FileUtils.rm_f(file) }
  when :status then puts "default  #{machine.state.id} (virtualbox)"
  end
  fire(:after, action, machine)
rescue Vagrant::Errors::VagrantError => e
  $stderr.puts e.message
  exit e.status_code
end
