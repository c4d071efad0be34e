// Client.java - a TLS client in Java, without JSSE. Java's sockets can neither
// name a protocol nor set an option of a level of one's own choice, but a Java
// program can inherit a socket as its standard input:
//
//	ssa run -- ../with-socket connect example.com 443 ./inherit Client.java example.com /
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

public class Client {
    public static void main(String[] args) throws IOException {
        if (args.length != 2) {
            System.err.println("usage: with-socket connect host port ./inherit Client.java host path");
            System.exit(2);
        }
        try (SocketChannel socket = (SocketChannel) System.inheritedChannel()) {
            String request = "GET " + args[1] + " HTTP/1.0\r\nHost: " + args[0] + "\r\n\r\n";
            socket.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.US_ASCII)));
            Channels.newInputStream(socket).transferTo(System.out);
        }
        System.out.flush();
    }
}
