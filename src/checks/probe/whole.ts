/** The probe as one text for the guest's python3: its files, in the order in which they build on each other. */
import account from "./account.py";
import answer from "./answer.py";
import base from "./base.py";
import machine from "./machine.py";
import packages from "./packages.py";
import sockets from "./sockets.py";
import units from "./units.py";

export const probe = [base, units, sockets, machine, account, packages, answer].join("\n\n");
