namespace NitroEnclaves.Proxy;

/// <summary>What a request to the proxy is.</summary>
public enum ConnectRequestOutcome
{
    /// <summary>A CONNECT with a server to connect to.</summary>
    Valid,

    /// <summary>Not HTTP, or a target that is no <c>host:port</c>: answered with 400.</summary>
    Malformed,

    /// <summary>Another method, which this proxy does not have: answered with 405.</summary>
    OtherMethod,
}
