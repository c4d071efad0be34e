/* link_tcp.h - the socket calls that all ways of making a connection share. */
#ifndef LINK_TCP_H
#define LINK_TCP_H

/* Addresses are numeric. tcp_listen prints the port as its first line. */
int tcp_connect(int fd, const char *address, const char *port);
int tcp_listen(int fd, const char *address, const char *port);
int tcp_family(const char *address);

#endif
