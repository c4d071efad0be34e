// Server.java - a TLS server in Java, without JSSE, on an inherited listening
// socket; see Client.java for why.
//
//	ssa run -- ../with-socket listen 127.0.0.1 8443 chain.pem key.pem ./inherit Server.java
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

public class Server {
    private static final String REPLY = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nHello from Java.\n";

    public static void main(String[] args) throws IOException {
        ServerSocketChannel listener = (ServerSocketChannel) System.inheritedChannel();
        while (true) {
            SocketChannel connection = listener.accept();
            new Thread(() -> answer(connection)).start();
        }
    }

    private static void answer(SocketChannel connection) {
        try (connection) {
            BufferedReader request = new BufferedReader(
                new InputStreamReader(Channels.newInputStream(connection), StandardCharsets.US_ASCII));
            String line;
            do {
                line = request.readLine();
            } while (line != null && !line.isEmpty());
            connection.write(ByteBuffer.wrap(REPLY.getBytes(StandardCharsets.US_ASCII)));
        } catch (IOException e) {
            System.err.println("Server: " + e.getMessage());
        }
    }
}
