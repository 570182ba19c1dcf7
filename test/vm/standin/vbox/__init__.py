"""A stand-in for VBoxManage that answers what Vagrant's virtualbox provider asks, with QEMU behind it.

It builds exactly the machine that the box's OVF names (its disk controller, its network card) and refuses
whatever it does not know, so that a box or a Vagrantfile that asks for something else fails the tests here.

  cli.py      one call: lock, log, dispatch, the way errors are told
  verbs.py    what each verb does
  modify.py   the options of `modifyvm`
  show.py     what `list` and `showvminfo` print
  ovf.py      reads the appliance
  machine.py  what is kept about a machine
  store.py    where machines are kept
  qemu.py     starts and stops the QEMU of a machine

NOTEBOX_STANDIN_HOME names the folder with everything it keeps: machines, the lock, the log of calls.
"""
