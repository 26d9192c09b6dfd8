/*
 * ldap: asks LDAP directories for accounts, for auth. Holds the password it
 * binds with and sees hashes, or passwords that it binds with for a login; it
 * has TCP connections, a wire to `names`, and opens no file after its start
 * (CA files before). `ldap --check PATH` looks at a FILE on standard input.
 */
#include <stdlib.h>

#include "ldap/driver.h"

int
main(int argc, char **argv)
{
	/* No ldap.conf or .ldaprc: FILE says everything. */
	setenv("LDAPNOINIT", "1", 1);
	return source_server_main(argc, argv, &ldap_driver, NULL);
}
