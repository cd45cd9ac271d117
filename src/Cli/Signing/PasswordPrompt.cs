using System.Text;

namespace NitroEnclaves.Cli.Signing;

/// <summary>
/// Asks for the password of a private key: on a terminal, without showing it; else it is the first line of standard input, as
/// scripts pass it.
/// </summary>
static class PasswordPrompt
{
    /// <summary>The password.</summary>
    /// <param name="path">The key's file, for the question.</param>
    /// <exception cref="CommandFailure">Standard input has ended.</exception>
    /// <exception cref="OperationCanceledException">The question was answered by Escape.</exception>
    public static string Ask(string path)
    {
        if (Console.IsInputRedirected)
        {
            return Console.In.ReadLine()
                ?? throw new CommandFailure(60, $"The private key {path} is encrypted: its password is asked for on a terminal, or read from the first line of standard input, which is empty.");
        }

        Console.Error.Write($"Password of {path}: ");
        var password = new StringBuilder();
        while (true)
        {
            var key = Console.ReadKey(intercept: true);
            switch (key.Key)
            {
                case ConsoleKey.Enter:
                    Console.Error.WriteLine();
                    return password.ToString();
                case ConsoleKey.Escape:
                    Console.Error.WriteLine();
                    throw new OperationCanceledException("No password was given.");
                case ConsoleKey.Backspace:
                    password.Length = Math.Max(0, password.Length - 1);
                    break;
                default:
                    if (key.KeyChar != '\0')
                    {
                        password.Append(key.KeyChar);
                    }

                    break;
            }
        }
    }
}
