namespace NitroEnclaves.Enclaves;

/// <summary>How an intercepted call ends.</summary>
enum CallAnswerKind
{
    /// <summary>The kernel carries it out.</summary>
    Continue,

    /// <summary>It returns a value.</summary>
    Return,

    /// <summary>It fails with an error number.</summary>
    Fail,

    /// <summary>Somebody else answers it.</summary>
    Taken,
}
