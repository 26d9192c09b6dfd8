/*
 * What neither pam nor a module of PAM has to do with: loading into the kernel,
 * mounting, tracing, other namespaces. Modules need much else (files, sockets,
 * programs of their own), and are the administrator's choice.
 */
#ifndef PAM_CONFINE_H
#define PAM_CONFINE_H

#include "base/error.h"

/* Forbids it to this process and all that it starts. may_unshare: it has still
 * to make a namespace for its children. */
int
confine_enter(bool may_unshare, struct error *error);

#endif
