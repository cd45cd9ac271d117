namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Orders for <c>Guests/vsock.c</c>, as <c>Guests/ask.c</c> takes them.</summary>
static class VsockOrder
{
    /// <summary>The port at which it takes them.</summary>
    public const int Port = 5000;

    /// <summary>Answers with the hash of what comes.</summary>
    public const string Sink = "73000000000000000000000000000000";

    /// <summary>Ends.</summary>
    public const string Quit = "71000000000000000000000000000000";

    /// <summary>The answer where nothing came.</summary>
    public const string HashOfNothing = "0000000000000000" + "25232284e49cf2cb";
}
