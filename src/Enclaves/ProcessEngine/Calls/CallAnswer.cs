namespace NitroEnclaves.Enclaves;

/// <summary>What becomes of an intercepted call.</summary>
/// <param name="Kind">How the call ends.</param>
/// <param name="Value">What it returns, where it returns; else the error number.</param>
readonly record struct CallAnswer(CallAnswerKind Kind, int Value = 0)
{
    /// <summary>The call goes on as if nobody had intercepted it.</summary>
    public static CallAnswer Continue { get; } = new(CallAnswerKind.Continue);

    /// <summary>The call has been answered already, or will be later.</summary>
    public static CallAnswer Taken { get; } = new(CallAnswerKind.Taken);

    /// <summary>The call returns a value.</summary>
    public static CallAnswer Return(int value) => new(CallAnswerKind.Return, value);

    /// <summary>The call fails.</summary>
    public static CallAnswer Fail(int error) => new(CallAnswerKind.Fail, error);
}
