using System.Runtime.ExceptionServices;

namespace NitroEnclaves.Fuzz;

/// <summary>
/// Tells inputs apart by the errors that they provoke, caught ones included: an error not seen before is a place in the parser
/// not reached before, and its input worth changing further.
/// </summary>
sealed class OutcomeRecorder : IDisposable
{
    readonly HashSet<int> _seen = [];
    readonly int _thread = Environment.CurrentManagedThreadId;
    HashCode _outcome;

    public OutcomeRecorder() => AppDomain.CurrentDomain.FirstChanceException += Record;

    public int Count => _seen.Count;

    public void Begin() => _outcome = default;

    /// <summary>Takes what a target says about its last input.</summary>
    public void Add(int outcome) => _outcome.Add(outcome);

    /// <summary>Whether the input since <see cref="Begin"/> ended in a way not seen before.</summary>
    public bool IsNew() => _seen.Add(_outcome.ToHashCode());

    public void Dispose() => AppDomain.CurrentDomain.FirstChanceException -= Record;

    void Record(object? sender, FirstChanceExceptionEventArgs arguments)
    {
        if (Environment.CurrentManagedThreadId == _thread)
        {
            _outcome.Add(arguments.Exception.GetType());

            if (arguments.Exception.GetType().Namespace?.StartsWith(nameof(NitroEnclaves), StringComparison.Ordinal) ?? false)
            {
                AddMessage(arguments.Exception.Message);
            }
            else
            {
                _outcome.Add(arguments.Exception.TargetSite?.Name);
            }
        }
    }

    /// <summary>
    /// Our own messages name the error, at their beginning. Offsets, lengths and what is quoted of the input would make every input a
    /// new one.
    /// </summary>
    void AddMessage(string message)
    {
        var isQuoted = false;
        foreach (var character in message.AsSpan(0, Math.Min(message.Length, 100)))
        {
            isQuoted ^= character is '\'' or '"';
            if (!isQuoted && !char.IsAsciiHexDigit(character) && char.IsAscii(character))
            {
                _outcome.Add(character);
            }
        }
    }
}
