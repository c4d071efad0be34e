// client.cpp - a TLS client in C++, without a TLS library.
//
//	c++ -o client client.cpp
//	ssa run -- ./client example.com 443 /
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <netinet/tls.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

// TlsSocket owns a socket; what goes wrong on it is thrown with its reason.
class TlsSocket {
	int fd_;

public:
	TlsSocket() : fd_(socket(AF_INET, SOCK_STREAM, IPPROTO_TLS))
	{
		if (fd_ == -1 && errno == EPROTONOSUPPORT)
			throw std::runtime_error("TLS is not supported here: start it with ssa run -- client");
		check(fd_, "socket");
	}
	TlsSocket(const TlsSocket &) = delete;
	TlsSocket &operator=(const TlsSocket &) = delete;
	~TlsSocket() { close(fd_); }

	// The address is the name: it is resolved, connected to and verified.
	void connect(const std::string &host, in_port_t port)
	{
		sockaddr_host to{};
		if (host.size() >= sizeof to.sin_addr.name)
			throw std::runtime_error("host name too long");
		to.sin_family = AF_HOSTNAME;
		to.sin_port = htons(port);
		std::memcpy(to.sin_addr.name, host.c_str(), host.size() + 1);
		check(::connect(fd_, reinterpret_cast<sockaddr *>(&to), sizeof to), host);
	}

	void write(const std::string &text) { check(::write(fd_, text.data(), text.size()), "write"); }

	std::string read()
	{
		char buf[4096];
		ssize_t n = ::read(fd_, buf, sizeof buf);
		check(n, "read");
		return std::string(buf, static_cast<size_t>(n));
	}

private:
	void check(ssize_t result, const std::string &what) const
	{
		if (result >= 0)
			return;
		std::string reason = std::strerror(errno);
		char why[1024] = "";
		socklen_t len = sizeof why - 1;
		if (getsockopt(fd_, IPPROTO_TLS, TLS_ERROR, why, &len) == 0)
			reason += std::string(": ") + why;
		throw std::runtime_error(what + ": " + reason);
	}
};

int main(int argc, char **argv)
{
	if (argc != 4) {
		std::cerr << "usage: client host port path\n";
		return 2;
	}
	try {
		TlsSocket s;
		s.connect(argv[1], static_cast<in_port_t>(std::atoi(argv[2])));
		s.write(std::string("GET ") + argv[3] + " HTTP/1.0\r\nHost: " + argv[1] + "\r\n\r\n");
		for (std::string text = s.read(); !text.empty(); text = s.read())
			std::cout << text;
	} catch (const std::exception &e) {
		std::cerr << "client: " << e.what() << "\n";
		return 1;
	}
}
