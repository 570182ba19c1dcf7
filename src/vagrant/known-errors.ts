/**
 * What a failure of Vagrant's means and what to do about it. The key is the error's class, which Vagrant prints with
 * `--machine-readable` (lib/vagrant/errors.rb, vagrant-libvirt's errors.rb); where one class stands for many causes
 * (VBoxManage failed), the provider's own error names in the output decide. Pure.
 */
import type { ErrorCode } from "../errors.ts";

export interface KnownError {
  code: ErrorCode;
  /** Why, in a person's words; without it Vagrant's own text is shown. */
  cause?: string;
  hint: string;
}

/** What the Vagrantfile's own checks say (templates/vagrant/*.rb, class Notebox::Failure); their text is for people. */
const OWN: readonly (readonly [RegExp, KnownError])[] = [
  [
    /no door of the share gives it|names no share that has the box/,
    { code: "unreachable", hint: "`box: shares:` in workbench.yaml lists the doors; any one that answers is enough." },
  ],
  [
    /This workbench runs with VirtualBox or libvirt/,
    { code: "missing-program", hint: "Ask IT to install VirtualBox." },
  ],
  [
    /The VM gets real folders only|needs a folder there/,
    { code: "invalid", hint: "Put that right and run `notebox up` again." },
  ],
];

/** Names that VirtualBox, QEMU or the system print; searched in the whole output, the first that fits counts. */
const SYMPTOMS: readonly (readonly [RegExp, KnownError])[] = [
  [
    /VERR_DISK_FULL|No space left on device|ENOSPC|There is not enough space on the disk|Failed writing body/i,
    {
      code: "disk-full",
      cause: "The disk ran full while the VM was being made.",
      hint: "Free some space (the VM and its box need about 6 GiB) and run `notebox up` again; it goes on where it stopped.",
    },
  ],
  [
    /VERR_VMX_NO_VMX|VERR_SVM_NO_SVM|VT-x is not available|AMD-V is not available|VERR_VMX_MSR_ALL_VMX_DISABLED/i,
    {
      code: "vagrant",
      cause:
        "This computer's processor does not let VirtualBox run VMs: VT-x or AMD-V is off, or another hypervisor holds it.",
      hint: "Ask IT to turn virtualisation (VT-x or AMD-V) on in the firmware settings.",
    },
  ],
  [
    /VERR_NEM_VM_CREATE_FAILED|VERR_NEM_NOT_AVAILABLE/i,
    {
      code: "vagrant",
      cause: "Windows' own hypervisor (Hyper-V, memory integrity) keeps VirtualBox from starting VMs.",
      hint: "Ask IT about Hyper-V and “memory integrity” (core isolation) on this computer; only an administrator can change them.",
    },
  ],
  [
    /supR3Hardened|VERR_SUP_VP_|VERR_SUPDRV/i,
    {
      code: "vagrant",
      cause: "A protection program (antivirus) stands in VirtualBox's way, or its driver is not loaded.",
      hint: "Ask IT to look at VBoxHardening.log in the VM's folder: it names the program. VirtualBox may need an exclusion or a repair.",
    },
  ],
  [
    /VERR_VM_DRIVER_NOT_INSTALLED|vboxdrv kernel module is not loaded/i,
    {
      code: "missing-program",
      cause: "VirtualBox is installed, but its driver is not loaded.",
      hint: "Ask IT to repair VirtualBox (on Linux: the vboxdrv kernel module for the running kernel).",
    },
  ],
  [
    /VBOX_E_PLATFORM_ARCH_NOT_SUPPORTED|VERR_PLATFORM_ARCH_NOT_SUPPORTED/i,
    {
      code: "vagrant",
      cause: "The box is for another kind of processor than this computer's.",
      hint: "Boxes are for amd64 (Intel and AMD) at present; on this computer the workbench cannot run.",
    },
  ],
  [
    /unknown filesystem type 'vboxsf'|vboxsf.*No such device/i,
    {
      code: "vagrant",
      cause: "The box lacks VirtualBox's shared folders (vboxsf).",
      hint: "Use a box with the kernel's vboxsf module, such as those that `notebox box build` makes.",
    },
  ],
];

const offline = (hint: string, cause?: string): KnownError => ({
  code: "unreachable",
  hint,
  ...(cause === undefined ? {} : { cause }),
});
const program = (cause: string, hint: string): KnownError => ({ code: "missing-program", cause, hint });
const failed = (cause: string | undefined, hint: string): KnownError => ({
  code: "vagrant",
  hint,
  ...(cause === undefined ? {} : { cause }),
});

const CHECKSUM: KnownError = {
  code: "integrity",
  cause: "The box that was downloaded is not the one that the share's catalog names: its checksum is wrong.",
  hint: "Try again once (a download may have been spliced). If it stays, tell IT: the box on the share is damaged or was tampered with.",
};
const AGAIN = "Run `notebox up` again. If it stays, `notebox logs` and the log file say more.";
const BOX_AGAIN = "Ask IT whether the share holds this box for your provider; `box:` in workbench.yaml names it.";
const SSH_HINT =
  "The VM runs but cannot be reached. Run `notebox down`, then `notebox up`; if that does not help, `notebox destroy` makes it anew (your notebooks stay).";

/** By the class's last part: Vagrant::Errors::BoxChecksumMismatch and a plugin's own class alike. */
const CLASSES: Readonly<Record<string, KnownError>> = {
  BoxChecksumMismatch: CHECKSUM,
  DownloaderChecksumError: CHECKSUM,
  BoxVerificationFailed: CHECKSUM,
  DownloaderError: offline(
    "Check the network, or ask IT whether the share is online.",
    "The box could not be downloaded.",
  ),
  BoxMetadataDownloadError: offline("Check the network, or ask IT whether the share is online."),
  BoxMetadataFileNotFound: offline("Ask IT whether the share is online and holds this box."),
  BoxAddShortNotFound: offline(BOX_AGAIN, "The box is known neither here nor in the public registry."),
  BoxFileNotExist: offline("Ask IT whether the share is online and holds this box."),
  BoxServerNotSet: offline("Name a share in workbench.yaml (box: shares:)."),
  BoxNotFound: offline(BOX_AGAIN),
  BoxNotFoundWithProvider: offline(BOX_AGAIN),
  BoxAddNoMatchingProvider: offline(BOX_AGAIN, "The share has this box, but not for this provider."),
  BoxAddNoMatchingVersion: offline(
    "Ask IT for a version that fits `box: version:` in workbench.yaml.",
    "No version of the box fits.",
  ),
  BoxAddNameMismatch: { code: "integrity", hint: "Ask IT to make the share's catalogs anew." },
  BoxMetadataMalformed: { code: "integrity", hint: "Ask IT to make the share's catalogs anew." },
  BoxUnpackageFailure: { code: "integrity", hint: "The box is damaged, or the disk is full. Tell IT if it stays." },
  ProviderNotUsable: program(
    "The program that runs VMs is missing or does not work.",
    "Ask IT to install VirtualBox or to repair it.",
  ),
  ProviderNotFound: program(
    "Vagrant does not know this provider.",
    "Ask IT to install VirtualBox, or vagrant-libvirt on Linux.",
  ),
  NoDefaultProvider: program("No program that runs VMs was found.", "Ask IT to install VirtualBox."),
  VirtualBoxNotDetected: program("VirtualBox is not installed.", "Ask IT to install VirtualBox."),
  VBoxManageNotFoundError: program("VirtualBox is not installed.", "Ask IT to install VirtualBox."),
  VBoxManageLaunchError: program("VirtualBox cannot be started.", "Ask IT to repair VirtualBox."),
  VirtualBoxInvalidVersion: program(
    "This VirtualBox and this Vagrant do not fit together.",
    "Ask IT: VirtualBox 7.0 needs Vagrant 2.3.2 or newer, 7.1 needs 2.4.2, 7.2 needs 2.4.9.",
  ),
  VirtualBoxKernelModuleNotLoaded: program("VirtualBox's driver is not loaded.", "Ask IT to repair VirtualBox."),
  VirtualBoxInstallIncomplete: program("VirtualBox is not installed completely.", "Ask IT to install VirtualBox anew."),
  FogLibvirtConnectionError: program(
    "libvirt does not answer.",
    "Ask IT to start libvirtd and to put you into the group libvirt.",
  ),
  NoStoragePool: failed(undefined, "Ask IT to make libvirt's storage pool “default”."),
  VBoxManageError: failed("VirtualBox refused a step.", AGAIN),
  VirtualBoxMountFailed: failed(
    "A shared folder could not be mounted in the VM.",
    "Use a box with the kernel's vboxsf module, such as those that `notebox box build` makes; the log file holds the mount command's own words.",
  ),
  VMBootTimeout: failed("The VM started but did not answer in time.", SSH_HINT),
  VMBootBadState: failed("The VM stopped while it was starting.", AGAIN),
  SSHNotReady: failed(undefined, SSH_HINT),
  SSHAuthenticationFailed: failed("The VM does not accept Vagrant's key.", SSH_HINT),
  SSHConnectionTimeout: failed(undefined, SSH_HINT),
  SSHConnectionRefused: failed(undefined, SSH_HINT),
  SSHDisconnected: failed("The VM ended the connection.", AGAIN),
  SSHKeyBadPermissions: failed(
    "The VM's key can be read by others, so ssh refuses it.",
    "On Windows: icacls on .vagrant\\machines\\default\\virtualbox\\private_key, /inheritance:r /grant:r %USERNAME%:R",
  ),
  ForwardPortCollision: {
    code: "check-failed",
    cause: "A port on this computer is taken.",
    hint: "Close the program that holds it, or give the service another `port:` in workbench.yaml.",
  },
  MachineLocked: {
    code: "busy",
    cause: "Another Vagrant is working on this VM.",
    hint: "Wait until it is done, then try again.",
  },
  EnvironmentLockedError: {
    code: "busy",
    cause: "Another Vagrant is working here.",
    hint: "Wait until it is done, then try again.",
  },
  HomeDirectoryNotAccessible: failed(
    "Vagrant's own folder cannot be written.",
    "Set VAGRANT_HOME to a folder on a local disk that you may write, with room for the box.",
  ),
  LocalDataDirectoryNotAccessible: failed(undefined, "The folder .vagrant in the workbench folder must be writable."),
  CorruptMachineIndex: failed(
    "Vagrant's list of machines is damaged.",
    "Delete data/machine-index in Vagrant's folder (~/.vagrant.d).",
  ),
  VagrantfileSyntaxError: failed("The Vagrantfile is not valid.", "Run `notebox render --force` to write it anew."),
  VagrantfileLoadError: failed("The Vagrantfile cannot be loaded.", "Run `notebox render --force` to write it anew."),
  ConfigInvalid: failed(
    "The Vagrantfile does not suit this Vagrant.",
    "Run `notebox render --force` to write it anew.",
  ),
  VirtualBoxNameExists: failed(
    "VirtualBox has another VM of this name.",
    "Remove it in VirtualBox, or change `name:` in workbench.yaml.",
  ),
  DomainNameExists: failed(
    "libvirt has another VM of this name.",
    "Remove it (virsh undefine), or change `name:` in workbench.yaml.",
  ),
  ActiveMachineWithDifferentProvider: {
    code: "refused",
    cause: "The VM exists already, with another provider.",
    hint: "Run `notebox destroy` first (your notebooks stay).",
  },
  PowerShellInvalidVersion: program(
    "PowerShell does not answer Vagrant.",
    "Set VAGRANT_POWERSHELL_VERSION_DETECTION_TIMEOUT=60 and try again.",
  ),
  PluginLoadError: failed(
    "A Vagrant plugin is broken.",
    "Try with VAGRANT_NO_PLUGINS=1, or ask IT to remove the plugin.",
  ),
};

/** The known error for a class and the output around it; a symptom in the output is more telling than the class. */
export function knownError(errorClass: string, output: string): KnownError | undefined {
  const name = errorClass.split("::").at(-1) ?? "";
  const byClass = CLASSES[name];
  if (byClass === CHECKSUM) return byClass;
  if (name === "Failure") return OWN.find(([words]) => words.test(output))?.[1];
  return SYMPTOMS.find(([symptom]) => symptom.test(output))?.[1] ?? byClass;
}
