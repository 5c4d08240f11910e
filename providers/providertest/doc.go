// Package providertest is the suite that every kind must pass. A kind's test
// hands over its manifests, state by state, and Run applies them with the real
// engine and client to a simulated Scaleway, on the simulator's clock:
//
//   - after each state a second plan is empty, and nothing was changed that the
//     plan had not named;
//   - so it is with each of the API's faults in turn, once the fault is over;
//   - when everything is taken away, nothing of ours is left, and what is not
//     ours is as it was.
//
// The tests of this package are those of the engine on the same stage: a random
// walk, and the reliability tests, whose figures make reliability prints.
package providertest
