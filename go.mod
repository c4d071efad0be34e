module github.com/secure-socket-api/ssa

go 1.25
