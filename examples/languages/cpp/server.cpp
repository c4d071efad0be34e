// server.cpp - a TLS server in C++, one thread per connection.
//
//	c++ -pthread -o server server.cpp
//	ssa run -- ./server 127.0.0.1 8443 chain.pem key.pem
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <netinet/tls.h>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <unistd.h>

static int check(int result, const char *what)
{
	if (result == -1)
		throw std::system_error(errno, std::generic_category(), what);
	return result;
}

static void set(int fd, int option, const std::string &path)
{
	check(setsockopt(fd, IPPROTO_TLS, option, path.data(), static_cast<socklen_t>(path.size())), path.c_str());
}

static int listen_on(char **argv)
{
	sockaddr_in self{};
	socklen_t len = sizeof self;
	self.sin_family = AF_INET;
	self.sin_port = htons(static_cast<in_port_t>(std::atoi(argv[2])));
	if (inet_pton(AF_INET, argv[1], &self.sin_addr) != 1)
		throw std::invalid_argument("not an IPv4 address");

	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TLS);
	if (fd == -1 && errno == EPROTONOSUPPORT)
		throw std::runtime_error("TLS is not supported here: start it with ssa run -- server");
	check(fd, "socket");
	set(fd, TLS_CERTIFICATE_CHAIN, argv[3]);
	set(fd, TLS_PRIVATE_KEY, argv[4]);
	check(bind(fd, reinterpret_cast<sockaddr *>(&self), len), "bind");
	check(listen(fd, 128), "listen");
	check(getsockname(fd, reinterpret_cast<sockaddr *>(&self), &len), "getsockname");
	std::cout << "listening on " << argv[1] << " port " << ntohs(self.sin_port) << std::endl;
	return fd;
}

static void answer(int fd)
{
	static const std::string reply = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from C++.\n";
	std::string request;
	char buf[4096];
	ssize_t n;
	while (request.find("\r\n\r\n") == std::string::npos && request.size() < sizeof buf &&
	       (n = read(fd, buf, sizeof buf)) > 0)
		request.append(buf, static_cast<size_t>(n));
	if (write(fd, reply.data(), reply.size()) == -1)
		std::cerr << "server: the client has gone\n";
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		std::cerr << "usage: server address port chain.pem key.pem\n";
		return 2;
	}
	std::signal(SIGPIPE, SIG_IGN);
	try {
		for (int listener = listen_on(argv);;)
			std::thread(answer, check(accept(listener, nullptr, nullptr), "accept")).detach();
	} catch (const std::exception &e) {
		std::cerr << "server: " << e.what() << "\n";
		return 1;
	}
}
