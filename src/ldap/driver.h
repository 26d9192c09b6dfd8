/* Accounts of LDAP directories, as a source (serve/source_server.h). */
#ifndef LDAP_DRIVER_H
#define LDAP_DRIVER_H

#include "serve/source_server.h"

extern const struct source_driver ldap_driver;

#endif
