/* Accounts of a PostgreSQL database, as a source (serve/source_server.h). */
#ifndef PGSQL_PGSQL_H
#define PGSQL_PGSQL_H

#include "serve/source_server.h"

extern const struct source_driver pgsql_driver;

#endif
